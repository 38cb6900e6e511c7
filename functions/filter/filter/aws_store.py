"""One parameter of SSM, or one secret of Secrets Manager, read without the AWS SDK.

Importing boto3 and creating a client took four fifths of the CPU time of Filter's cold start (benchmarks/
filter_cold_start.py), for a request every thirty seconds, which the standard library can make.
"""

import http.client
import json
import os
import random
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from filter.errors import StoreUnavailableError
from filter.request_signing import Credentials, Scope, signed

TIMEOUT_S = 1  # for connecting, and for each read
ATTEMPTS = 2
MAX_PAUSE_S = 0.5
MAX_ANSWER_BYTES = 200_000  # a parameter holds 8 KB at most, a secret 64 KB
OK, FIRST_SERVER_ERROR = 200, 500
RETRYABLE = {
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceErrorException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
}


class _TransientError(StoreUnavailableError):
    """Worth an immediate second attempt."""


@dataclass(frozen=True, slots=True)
class Operation:
    """
    How a service is asked for one value.

    Attributes
    ----------
    title
        The service in messages.
    service
        The service in host names and signatures.
    variable
        The environment variable of another endpoint, as the SDKs name it.
    target
        The operation's name in the header X-Amz-Target.
    request, value
        The request's JSON document for a name, and the value in that of the answer.
    """

    title: str
    service: str
    variable: str
    target: str
    request: Callable[[str], dict[str, str]]
    value: Callable[[Any], str]


PARAMETER = Operation(
    "SSM",
    "ssm",
    "AWS_ENDPOINT_URL_SSM",
    "AmazonSSM.GetParameter",
    lambda name: {"Name": name},
    lambda answer: str(answer["Parameter"]["Value"]),
)
SECRET = Operation(
    "Secrets Manager",
    "secretsmanager",
    "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "secretsmanager.GetSecretValue",
    lambda name: {"SecretId": name},
    lambda answer: str(answer["SecretString"]),
)


class AwsStore:
    """
    SSM or Secrets Manager as the function's environment describes it.

    Parameters
    ----------
    environment
        AWS_REGION and the credentials, as set by Lambda; AWS_ENDPOINT_URL or the operation's variable for another
        endpoint.
    """

    def __init__(
        self,
        operation: Operation,
        environment: Mapping[str, str] = os.environ,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._operation, self._environment, self._pause = operation, environment, pause
        self._region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION", "")
        url = environment.get(operation.variable) or environment.get("AWS_ENDPOINT_URL")
        self._url = urlsplit(url or f"https://{operation.service}.{self._region}.{_suffix(self._region)}")
        # Loading the certificates takes longer than a request: done once, while Lambda initializes the function.
        self._context = ssl.create_default_context() if self._url.scheme == "https" else None

    def get(self, name: str) -> str:
        """
        Return the value of a parameter, or of a secret, whose name may be its ARN.

        Raises
        ------
        StoreUnavailableError
            With the reason: the service's error code, or the error of the connection.
        """
        for _ in range(ATTEMPTS - 1):
            try:
                return self._ask(name)
            except _TransientError:
                self._pause(random.uniform(0, MAX_PAUSE_S))  # noqa: S311 - not a secret
        return self._ask(name)

    def _ask(self, name: str) -> str:
        # Read for each request: tests, and runtimes other than Lambda's, may replace the credentials.
        credentials = Credentials.from_environment(self._environment)
        if credentials is None or not self._region:
            raise StoreUnavailableError("the environment has no AWS credentials or no region")
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "host": self._url.netloc,
            "x-amz-target": self._operation.target,
        }
        body = json.dumps(self._operation.request(name)).encode()
        scope = Scope(self._operation.service, self._region)
        status, answer = self._post(body, signed(headers, body, scope, credentials, datetime.now(UTC)))
        if status != OK:
            _raise_refusal(status, answer)
        return self._value(answer)

    def _post(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        connection = self._connection()
        try:
            connection.request("POST", "/", body, headers)
            response = connection.getresponse()
            return response.status, response.read(MAX_ANSWER_BYTES)
        except TimeoutError as error:
            raise _TransientError(
                f"{self._operation.title} at {self._url.netloc} did not respond within {TIMEOUT_S} s"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise _TransientError(
                f"{self._operation.title} at {self._url.netloc} could not be reached: {reason}"
            ) from error
        finally:
            connection.close()

    def _value(self, answer: bytes) -> str:
        try:
            return self._operation.value(json.loads(answer))
        except (ValueError, LookupError, TypeError) as error:
            raise StoreUnavailableError(f"{self._operation.title}'s response contains no value") from error

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._url.hostname or "", self._url.port
        if self._context:
            return http.client.HTTPSConnection(host, port, timeout=TIMEOUT_S, context=self._context)
        return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def _suffix(region: str) -> str:
    return "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"


def _raise_refusal(status: int, answer: bytes) -> None:
    """Raise with the error's code (`__type`) and message, from its JSON document."""
    content: Any = {}
    try:
        content = json.loads(answer)
        code = str(content["__type"]).rpartition("#")[2]
        sentence = content.get("message") or content.get("Message") or ""
    except (ValueError, LookupError, TypeError, AttributeError):
        code, sentence = f"HTTP {status}", ""
    reason = f"{code}: {sentence}" if sentence else code
    if status >= FIRST_SERVER_ERROR or code in RETRYABLE:
        raise _TransientError(reason)
    raise StoreUnavailableError(reason)
