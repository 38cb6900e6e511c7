"""An SSM with one parameter on a real socket; it accepts only requests signed as botocore would sign them."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.fakes.aws_model import violations

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET_KEY = "testing"


@dataclass
class ParameterServer:
    """The responses: the value, or the remaining scripted ones (status and body), one per request."""

    value: str = ""
    others: dict[str, str] = field(default_factory=dict)
    """Values of other parameters by their names."""
    answers: list[tuple[int, bytes]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    url: str = ""

    def refuse(self, code: str, status: int = 400, message: str = "not this time", times: int = 1) -> None:
        """Answer the next requests with an error in SSM's format."""
        body = json.dumps({"__type": code, "message": message}).encode()
        self.answers += [(status, body)] * times

    def answer(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Return the status and the body for one request."""
        if problem := self._problem(headers, body):
            self.refused.append(problem)
            return 400, json.dumps({"__type": "InvalidSignatureException", "message": problem}).encode()
        name = json.loads(body)["Name"]
        self.asked.append(name)
        if self.answers:
            return self.answers.pop(0)
        return 200, json.dumps({"Parameter": {"Value": self.others.get(name, self.value)}}).encode()

    def _problem(self, headers: dict[str, str], body: bytes) -> str | None:
        if headers.get("x-amz-target") != "AmazonSSM.GetParameter":
            return "not GetParameter"
        if found := violations("ssm", "GetParameter", json.loads(body)):
            return "; ".join(found)
        if botocores_signature(f"http://{headers['host']}/", headers, body) not in headers["authorization"]:
            return "the signature does not match"
        return None


def botocores_signature(url: str, headers: dict[str, str], body: bytes, secret_key: str = SECRET_KEY) -> str:
    """Return botocore's signature of the headers that the request lists as signed."""
    found = re.search(
        r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=(\S+),",
        headers["authorization"],
    )
    assert found, headers["authorization"]
    access_key, region, service, names = found.groups()
    wanted = {name: headers[name] for name in names.split(";")}
    request = AWSRequest("POST", url, wanted, body)
    request.context["timestamp"] = headers["x-amz-date"]
    token = headers.get("x-amz-security-token")
    signer = SigV4Auth(Credentials(access_key, secret_key, token), service, region)
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return f"Signature={signer.signature(text, request)}"


@contextmanager
def parameter_server(value: str = "") -> Iterator[ParameterServer]:
    """Serve one parameter of this value on a free port."""
    state = ParameterServer(value)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = state.answer({name.lower(): text for name, text in self.headers.items()}, body)
            self.send_response(status)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
