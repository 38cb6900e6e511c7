"""Signature Version 4 for one kind of request: a POST of JSON to the root of an AWS service.

Follows "Create a signed AWS API request" in the IAM User Guide; tests compare it with botocore's signer.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Self

ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The credentials of a function's role, as provided by Lambda."""

    access_key: str
    secret_key: str
    session_token: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self | None:
        """Return the credentials, or None where there are none."""
        access_key, secret_key = (
            environment.get("AWS_ACCESS_KEY_ID"),
            environment.get("AWS_SECRET_ACCESS_KEY"),
        )
        if not access_key or not secret_key:
            return None
        return cls(access_key, secret_key, environment.get("AWS_SESSION_TOKEN", ""))


@dataclass(frozen=True, slots=True)
class Scope:
    """The service and the region for which a signature is valid."""

    service: str
    region: str


def signed(
    headers: Mapping[str, str], body: bytes, scope: Scope, credentials: Credentials, now: datetime
) -> dict[str, str]:
    """
    Return the headers with the date, token and signature that AWS requires.

    Parameters
    ----------
    headers
        The headers to sign, including `host`; names in lower case.
    now
        In UTC.
    """
    moment = now.strftime("%Y%m%dT%H%M%SZ")
    token = {"x-amz-security-token": credentials.session_token} if credentials.session_token else {}
    content = {**headers, "x-amz-date": moment, **token}
    names = ";".join(sorted(content))
    lines = "".join(f"{name}:{content[name].strip()}\n" for name in sorted(content))
    request = f"POST\n/\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    parts = (moment[:8], scope.region, scope.service, "aws4_request")
    text = "\n".join((ALGORITHM, moment, "/".join(parts), hashlib.sha256(request.encode()).hexdigest()))
    key = f"AWS4{credentials.secret_key}".encode()
    for part in parts:
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"{credentials.access_key}/{'/'.join(parts)}"
    authorization = f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return {**content, "authorization": authorization}
