"""The state machine of this repository on the emulated AWS, with functions whose answers the test scripts."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

import boto3

from scones.local.address import Address
from tests.support import ROOT
from tests.workflow.harness import FUNCTIONS, Workflow
from tools.transformed import claims_table

TABLE = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


def deployed_workflow(emulated_aws: Address) -> Workflow:
    """Create the state machine and what it needs, its functions scripted."""
    session = boto3.Session("test", "test", region_name="us-east-1")

    def client(service: str) -> Any:
        return session.client(service, endpoint_url=emulated_aws.aws_url)  # type: ignore[call-overload]

    for bucket in ("scripts", "results"):
        client("s3").create_bucket(Bucket=bucket)
    table = claims_table()
    client("dynamodb").create_table(TableName="claims", **{part: table[part] for part in TABLE})
    names = {
        "ResultsBucket": "results",
        "Labels": "bicycle,motorcycle",
        "ImagePattern": "incoming/*",
        "ExcludePrefixes": "",
        "ClaimsTable": "claims",
        "AuditShare": "0.02",
        "SerializeDigest": "s1-32",
        "ClaimSeconds": "300",
        "ClaimDays": "0",
        "Partition": "aws",
        "Release": "test",
        "WaitsFifteenMinutesFor": "EndpointNotFoundError",
        "MetricsNamespace": "Scones/test",
    }
    names |= {f"{name}Function": _scripted_function(client, name) for name in FUNCTIONS}
    topics = {topic: client("sns").create_topic(Name=topic)["TopicArn"] for topic in ("review", "alert")}
    names |= {"ReviewTopic": topics["review"], "AlertTopic": topics["alert"]}
    queues = {topic: _subscribed_queue(client, arn) for topic, arn in topics.items()}
    queues["held"] = names["HeldImages"] = client("sqs").create_queue(QueueName="held")["QueueUrl"]
    return Workflow(client, (ROOT / "statemachine" / "classify_image.asl.json").read_text(), names, queues)


def _scripted_function(client: Callable[[str], Any], name: str) -> str:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.write(ROOT / "tests" / "fakes" / "scripted_function.py", "app.py")
    created = client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/function",
        Code={"ZipFile": package.getvalue()},
        Timeout=20,
        Environment={"Variables": {"FUNCTION": name, "SCRIPTS": "scripts"}},
    )
    return str(created["FunctionArn"])


def _subscribed_queue(client: Callable[[str], Any], topic: str) -> str:
    queue = client("sqs").create_queue(QueueName=topic.rsplit(":", 1)[-1])["QueueUrl"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=attributes["QueueArn"])
    return str(queue)
