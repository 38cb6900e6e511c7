"""The key policy of docs/security.md lets those services use the key that must, and no other."""

import pytest
from ministack.core import iam_evaluator

from tests.static.key import key_policy
from tests.static.policies import ACCOUNT, KEY, REGION

OF_LOGS = {"kms:encryptioncontext:aws:logs:arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:x"}
OF_OTHERS_LOGS = {"kms:encryptioncontext:aws:logs:arn": f"arn:aws:logs:{REGION}:999999999999:log-group:x"}
LOGS = f"logs.{REGION}.amazonaws.com"


@pytest.mark.parametrize(
    ("service", "action", "context", "allowed"),
    [
        ("events.amazonaws.com", "kms:GenerateDataKey", {}, True),
        ("events.amazonaws.com", "kms:Decrypt", {}, True),
        ("cloudwatch.amazonaws.com", "kms:GenerateDataKey", {}, True),
        ("cloudwatch.amazonaws.com", "kms:Decrypt", {}, True),
        (LOGS, "kms:GenerateDataKeyWithoutPlaintext", OF_LOGS, True),
        (LOGS, "kms:Encrypt", OF_LOGS, True),
        (LOGS, "kms:DescribeKey", OF_LOGS, True),
        (LOGS, "kms:Decrypt", OF_OTHERS_LOGS, False),
        (LOGS, "kms:Decrypt", {}, False),
        ("events.amazonaws.com", "kms:ScheduleKeyDeletion", {}, False),
        ("events.amazonaws.com", "kms:PutKeyPolicy", {}, False),
        ("s3.amazonaws.com", "kms:Decrypt", {}, False),
    ],
)
def test_a_service_may_use_the_key_for_its_part_only(
    service: str, action: str, context: dict[str, str], *, allowed: bool
) -> None:
    question = iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=KEY,
        region=REGION,
        service_context=context,
    )
    answer = iam_evaluator.evaluate_resource_policy(key_policy(), question, service=service)
    assert (answer.decision == "Allow") is allowed
