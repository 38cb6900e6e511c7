"""Reading SSM without the SDK: signed as botocore signs, refused with SSM's own words, never for long."""

import json
import socket
import statistics
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies

from benchmarks.cold_starts import start
from benchmarks.measurements import interleaved
from filter import request_signing
from filter.aws_store import PARAMETER, AwsStore
from filter.errors import StoreUnavailableError
from tests.fakes.parameter_server import ParameterServer, botocores_signature, parameter_server

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": "eu-west-1"}
NAME = "ConfidenceThreshold-scones"
printable = strategies.text(
    strategies.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60
)


@pytest.fixture
def ssm() -> Iterator[ParameterServer]:
    with parameter_server("0.9") as server:
        yield server


def store(ssm: ParameterServer, **more: str) -> Any:
    environment = {**KEYS, "AWS_ENDPOINT_URL_SSM": ssm.url, **more}
    return AwsStore(PARAMETER, environment, pause=lambda _seconds: None)


@pytest.mark.parametrize("token", ["", "token/with+signs=="])
@pytest.mark.parametrize("name", [NAME, "/a/b.c-d_e", "a" * 1011])
def test_a_request_is_signed_as_botocore_would(ssm: ParameterServer, name: str, token: str) -> None:
    assert store(ssm, AWS_SESSION_TOKEN=token).get(name) == "0.9"
    assert (ssm.asked, ssm.refused) == ([name], [])


@given(secret=printable, token=printable | strategies.just(""), body=strategies.binary(), target=printable)
def test_the_signature_is_botocores_for_any_keys_and_content(
    secret: str, token: str, body: bytes, target: str
) -> None:
    signing = request_signing
    headers = {
        "host": "ssm.eu-west-1.amazonaws.com",
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": target,
    }
    credentials = signing.Credentials("AKIDEXAMPLE", secret, token)
    scope = signing.Scope("ssm", "eu-west-1")
    found = signing.signed(headers, body, scope, credentials, datetime(2026, 11, 26, 1, 2, 3, tzinfo=UTC))
    assert found["x-amz-date"] == "20261126T010203Z"
    wanted = botocores_signature("https://ssm.eu-west-1.amazonaws.com/", found, body, secret)
    assert found["authorization"].endswith(wanted)


def test_another_secret_is_refused(ssm: ParameterServer) -> None:
    with pytest.raises(StoreUnavailableError, match="InvalidSignatureException: the signature"):
        store(ssm, AWS_SECRET_ACCESS_KEY="other").get(NAME)


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-west-1", "ssm.eu-west-1.amazonaws.com"),
        ("us-gov-west-1", "ssm.us-gov-west-1.amazonaws.com"),
        ("cn-north-1", "ssm.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_each_region_has_its_own_ssm(region: str, host: str) -> None:
    found = AwsStore(PARAMETER, KEYS | {"AWS_REGION": region})
    assert found._url.geturl() == f"https://{host}"


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerError"])
def test_a_passing_trouble_gets_a_second_attempt(ssm: ParameterServer, code: str) -> None:
    ssm.refuse(code)
    assert store(ssm).get(NAME) == "0.9"
    ssm.refuse(code, times=2)
    with pytest.raises(StoreUnavailableError, match=f"^{code}: not this time$"):
        store(ssm).get(NAME)
    assert len(ssm.asked) == 4


@pytest.mark.parametrize("prefix", ["", "com.amazonaws.ssm#"])
@pytest.mark.parametrize("code", ["ParameterNotFound", "AccessDeniedException", "ExpiredTokenException"])
def test_a_refusal_is_final_and_named(ssm: ParameterServer, code: str, prefix: str) -> None:
    ssm.refuse(prefix + code, message="")
    with pytest.raises(StoreUnavailableError, match=f"^{code}$"):
        store(ssm).get(NAME)
    assert len(ssm.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "reason"),
    [
        (200, b"", "contains no value"),
        (200, b"<html>", "contains no value"),
        (200, b"[]", "contains no value"),
        (200, b'{"Parameter": {}}', "contains no value"),
        (200, b'{"Parameter": null}', "contains no value"),
        (403, b"<html>", "^HTTP 403$"),
        (403, b"[]", "^HTTP 403$"),
        (403, b'{"message": "x"}', "^HTTP 403$"),
        (404, b"\xff", "^HTTP 404$"),
        (502, b"bad gateway", "^HTTP 502$"),
    ],
)
def test_an_answer_of_something_else_is_a_reason_too(
    ssm: ParameterServer, status: int, body: bytes, reason: str
) -> None:
    ssm.answers = [(status, body)] * 2
    with pytest.raises(StoreUnavailableError, match=reason):
        store(ssm).get(NAME)


@pytest.mark.parametrize("missing", list(KEYS))
def test_without_keys_or_region_nobody_is_asked(ssm: ParameterServer, missing: str) -> None:
    with pytest.raises(StoreUnavailableError, match="no AWS credentials or no region"):
        store(ssm, **{missing: ""}).get(NAME)
    assert (ssm.asked, ssm.refused) == ([], [])


def test_an_ssm_that_nobody_runs_is_a_reason() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    found = AwsStore(PARAMETER, KEYS | {"AWS_ENDPOINT_URL": url}, pause=lambda _seconds: None)
    with pytest.raises(StoreUnavailableError, match=r"could not be reached: .*refused"):
        found.get(NAME)


def test_filter_starts_without_the_sdk(root: Path) -> None:
    program = "import json, sys; import filter.app; print(json.dumps(sorted(sys.modules)))"
    settings = {"LABELS": "a,b", "CONFIDENCE_THRESHOLD": "0.8", "THRESHOLD_PARAMETER": NAME}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=root / "functions" / "filter",
        env={**KEYS, **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    sdk = ("boto3", "botocore.", "s3transfer", "urllib3", "requests")  # `botocore` itself is nearly empty
    assert [name for name in json.loads(done.stdout) if name.startswith(sdk)] == []


@pytest.mark.slow
def test_filter_starts_in_less_than_a_boto3_client_takes(root: Path) -> None:
    """The bar is 1.1, measured is a third: CPU times of fresh interpreters leave noise no room between."""
    packages = sysconfig.get_path("purelib")
    programs = {
        "Filter": lambda: start("import filter.app", [root / "functions" / "filter", packages]).cpu_ms,
        "floor": lambda: start("import boto3; boto3.client('ssm')", [packages]).cpu_ms,
    }
    measured = interleaved(programs, budget_s=0)
    assert statistics.median(measured["Filter"]) < 0.6 * statistics.median(measured["floor"])
