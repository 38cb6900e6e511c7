"""Confirm a certificate that binds the endpoint's configuration, or withdraw it when that is another one.

Where an endpoint reports no model version, Filter cannot see that the model was replaced. A sweep can: "to update an
endpoint, you must create a new EndpointConfig", and one in use must not be deleted (SageMaker API reference,
UpdateEndpoint). So another model has a configuration of another name, or of another time.

Each check that finds the certified configuration is written, with its time, into a parameter of its own: with
RequireCertificate=true Filter lets nothing pass when the last one is too old. It is not in the live value, because
whoever changes that between a read and a write of the sweep would lose the change, and a parameter keeps a hundred
earlier values.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from sweep.images import iso_text
from sweep.observability import logger
from sweep.promise import valid_certificate
from sweep.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_ssm import SSMClient

TRANSIENT = {
    "InternalFailure",
    "InternalServerError",
    "RequestTimeout",
    "ServiceUnavailable",
    "Throttling",
    "ThrottlingException",
}
NEXT_STEP = (
    "`scones certify --apply` certifies the thresholds for what the endpoint runs now. With RequireCertificate=true no "
    "image passes until then; without it the thresholds stay as they are."
)


def check_certificate(
    ssm: "SSMClient",
    sagemaker: Callable[[], "SageMakerClient"],
    sns: "SNSClient",
    settings: Settings,
    now: datetime,
) -> str | None:
    """
    Confirm the live certificate; withdraw it where the endpoint has another configuration, and notify people.

    Parameters
    ----------
    sagemaker
        Makes the client of SageMaker, which takes long, and which only such a certificate needs.
    now
        The time of the check, before SageMaker is asked.

    Returns
    -------
    str or None
        Why it was withdrawn; None where it was not, or where no certificate binds a configuration.

    Raises
    ------
    ClientError, BotoCoreError
        When SSM cannot be read or written, or people cannot be notified; when SageMaker cannot be asked for the moment.
        A refusal of SageMaker that stays is a reason to withdraw: what cannot be checked is not certified.
    """
    value = _live_value(ssm, settings.threshold_parameter)
    certificate = valid_certificate(value, now)
    config = certificate.get("endpoint_config") if certificate else None
    if not certificate or certificate.get("model_version") is not None or not isinstance(config, dict):
        return None
    reason = _difference(sagemaker(), settings.endpoint_name, config)
    if reason is None:
        _write(ssm, settings.certificate_check, {"endpoint_config": config, "at": iso_text(now)})
    elif _live_value(ssm, settings.threshold_parameter) != value:  # changed meanwhile: the next run checks it
        return None
    else:
        certificate["withdrawn"] = reason
        _write(ssm, settings.threshold_parameter, value)
        logger.warning("certificate withdrawn", reason=reason)
        _notify(sns, settings.alert_topic_arn, reason)
    return reason


def _live_value(ssm: "SSMClient", name: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None
    except (ValueError, RecursionError):  # `bicycle=0.9`, or what Filter cannot use either
        return None


def _difference(sagemaker: "SageMakerClient", endpoint: str, config: dict[str, Any]) -> str | None:
    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
        # While an update shifts traffic, the endpoint has its earlier configuration, and the pending one beside it.
        certified = str(config.get("name"))
        pending = found.get("PendingDeploymentSummary", {}).get("EndpointConfigName", certified)
        for name in (found.get("EndpointConfigName"), pending):
            if name != certified:
                return f"endpoint {endpoint} has the configuration {name}, not {certified}"
        made = sagemaker.describe_endpoint_config(EndpointConfigName=certified)["CreationTime"]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if code in TRANSIENT:
            raise
        return f"the configuration of endpoint {endpoint} could not be described ({code})"
    if not _is_same(made, config.get("time")):
        return f"configuration {certified} was made again at {made.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return None


def _is_same(time: datetime, text: object) -> bool:
    """Compare to the second: SageMaker's times have milliseconds, what people copy may not."""
    try:
        certified = datetime.fromisoformat(str(text))
    except ValueError:
        return False
    return certified.tzinfo is not None and int(certified.timestamp()) == int(time.timestamp())


def _write(ssm: "SSMClient", name: str, value: dict[str, Any]) -> None:
    text = json.dumps(value, separators=(",", ":"))
    ssm.put_parameter(Name=name, Value=text, Type="String", Overwrite=True)


def _notify(sns: "SNSClient", topic_arn: str, reason: str) -> None:
    document = {
        "reason": f"The certificate of the thresholds was withdrawn: {reason}.",
        "next_step": NEXT_STEP,
    }
    sns.publish(
        TopicArn=topic_arn,
        Subject="The certificate of the thresholds was withdrawn",
        Message=json.dumps(document, ensure_ascii=False, indent=2),
        MessageAttributes={"outcome": {"DataType": "String", "StringValue": "none"}},
    )
