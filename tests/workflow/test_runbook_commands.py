"""Commands of the runbook on the local cloud: what it does not have is marked, and nothing else is."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from pathlib import Path

    from scones.local.address import Address

pytestmark = pytest.mark.local_cloud

MARK = " *(AWS only)*"
AWS_ONLY = {
    "aws sagemaker describe-endpoint": "no SageMaker control plane",
    "aws cloudwatch get-metric-statistics": "no metrics of SageMaker and of failed deliveries",
    "aws logs filter-log-events --log-group-name /aws/vendedlogs/states/STACK": "no log of executions",
    "python -m training.deploy": "no SageMaker control plane",
    "make endpoint-image": "no ECR",
}
UNSUPPORTED = {"400", "404", "501", "InvalidAction", "UnknownOperationException", "NotImplemented"}
"""How the emulator answers an operation that it does not know; for one that it knows it names what is wrong."""


@pytest.fixture(scope="module")
def shown(root: Path) -> list[tuple[str, bool]]:
    """The commands of the runbook in one line each, and whether they are marked."""
    text = (root / "docs" / "runbook.md").read_text()
    found = [
        (" ".join(match[1].split()), text[match.end() :].startswith(MARK))
        for match in re.finditer(r"`([^`]+)`", text)
    ]
    found += [(line, False) for line in re.findall(r"^ {4}(\S.*)$", text, re.MULTILINE)]
    return [(code, marked) for code, marked in found if re.match(r"(aws|make|python|scones) ", code)]


def test_commands_that_the_local_cloud_does_not_have_are_marked(shown: list[tuple[str, bool]]) -> None:
    assert len(shown) > 40
    for code, marked in shown:
        assert marked == code.startswith(tuple(AWS_ONLY)), code
    for name in AWS_ONLY:
        assert any(code.startswith(name) for code, _ in shown), name


def answer(address: Address, service: str, operation: str) -> str:
    """Call an operation on something that does not exist and return the code of the error, or nothing."""
    config = Config(parameter_validation=False, retries={"total_max_attempts": 1}, proxies={})
    client: Any = boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=f"http://{address.host}:{address.aws_port}",
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
    try:
        needed = client.meta.service_model.operation_model(operation).input_shape.required_members
        client._make_api_call(operation, dict.fromkeys(needed, "x"))
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


@pytest.mark.local_cloud
def test_the_local_cloud_knows_every_other_operation(
    shown: list[tuple[str, bool]], emulated_aws: Address
) -> None:
    operations = {
        (words[1].replace("s3api", "s3"), "".join(word.capitalize() for word in words[2].split("-")))
        for words in (code.split() for code, marked in shown if not marked)
        if words[0] == "aws"
    }
    assert len(operations) > 10
    codes = {one: answer(emulated_aws, *one) for one in operations if one[0] != "s3"}
    assert {one: code for one, code in codes.items() if code in UNSUPPORTED} == {}
    assert answer(emulated_aws, "sagemaker", "DescribeEndpoint") in UNSUPPORTED
