"""Every alarm of the stack fires and notifies the alert topic.

Quick failures are real. Those that take hours, or that the emulator cannot produce, are simulated by metric data under
the alarm's own name and dimensions; the driver of such an alarm says so.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.local_cloud.cloud import LocalCloud, open_cloud, parameters
from tests.local_cloud.faults import endpoint_faults, set_wait_scale
from tests.local_cloud.mailbox import Mailbox
from tests.local_cloud.pictures import picture
from tests.local_cloud.shell import Shell, wait_until
from tests.local_cloud.wrong_audits import PROMISED, let_audits_be_wrong
from tests.static.alarms import alarms

pytestmark = pytest.mark.local_cloud

OLD = "incoming/old.png"


@dataclass
class Watched:
    """A cloud whose alarms fire early, and all notifications about them from its alert topic."""

    cloud: LocalCloud
    alarms: dict[str, str] = field(init=False)
    mailbox: Mailbox = field(init=False)
    messages: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.alarms = self.cloud.physical_ids()
        self.mailbox = Mailbox(self.cloud, "AlertTopicArn")

    def client(self, service: str) -> Any:
        return self.cloud.client(service)

    def described(self, name: str) -> dict[str, Any]:
        (alarm,) = self.client("cloudwatch").describe_alarms(AlarmNames=[self.alarms[name]])["MetricAlarms"]
        return dict(alarm)

    def heard(self, name: str, state: str) -> bool:
        """Whether the alert topic has sent that an alarm entered a state."""
        self.messages += self.mailbox.messages()
        told = [(one.get("AlarmName"), one.get("NewStateValue")) for one in self.messages]
        return (self.alarms[name], state) in told

    def put(self, name: str, periods_ago: float, value: float, count: int = 1) -> None:
        """Put data of a period that has passed, as many values as `count`."""
        alarm = self.described(name)
        at = datetime.now(UTC) - timedelta(seconds=alarm["Period"] * periods_ago)
        datum = {"MetricName": alarm["MetricName"], "Dimensions": alarm["Dimensions"], "Timestamp": at}
        self.client("cloudwatch").put_metric_data(
            Namespace=alarm["Namespace"], MetricData=[datum | {"Values": [value], "Counts": [count]}]
        )

    def put_queries(self, name: str, **values: float) -> None:
        """Put data of the present under metrics that the expression of an alarm names."""
        queries = {query["Id"]: query for query in self.described(name)["Metrics"]}
        for query, value in values.items():
            metric = queries[query]["MetricStat"]["Metric"]
            datum = {"MetricName": metric["MetricName"], "Dimensions": metric["Dimensions"], "Value": value}
            self.client("cloudwatch").put_metric_data(Namespace=metric["Namespace"], MetricData=[datum])

    def drop(self, name: str, count: int = 1) -> None:
        for number in range(count):
            self.cloud.put(f"incoming/{name}/{number}.png", picture(f"{name} {number}"))


@pytest.fixture(scope="module")
def watched(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    given = parameters(
        "NoTrafficHours=1",
        "OldestImageMinutes=1",
        "ReviewHours=1",
        "ReviewShareLow=0.1",
        "EndpointSlowMilliseconds=1",
        "EndpointIdleHours=1",
        f"PromisedError={PROMISED}",
    )
    shell = Shell(root, tmp_path_factory.mktemp("watched") / "state")
    with open_cloud(shell, *given) as cloud:
        set_wait_scale(cloud, 0.05)
        with cloud.rule_disabled():
            cloud.put(OLD, picture("old"))
        yield Watched(cloud)


type Driver = Callable[[Watched], Any]


def executions_fail(watched: Watched) -> None:
    workflow = watched.cloud.outputs["WorkflowArn"]
    watched.client("stepfunctions").start_execution(stateMachineArn=workflow, input="{}")


def executions_time_out(watched: Watched) -> None:
    """By data: no execution of the emulator times out."""
    watched.put("ExecutionsTimedOut", 0, 1)


def an_image_fails(watched: Watched) -> None:
    with endpoint_faults(watched.cloud, "garbage"):
        watched.drop("failed")
        wait_until(lambda: watched.heard("FailedOutcomes", "ALARM"), "no notification of a failed outcome")


def a_release_fails(watched: Watched) -> None:
    """By data; releases that fail are deployed in tests/chaos/test_deploy.py."""
    watched.put_queries("ReleaseFails", started=1000, failed=60)


def events_reach_nobody(watched: Watched) -> None:
    """By data: the emulator delivers every event."""
    watched.put_queries("RulesFail", uploads=1)


def nothing_arrives(watched: Watched) -> None:
    """No image has arrived since the deploy, so it has already fired: reset it, so that it fires again."""
    name = watched.alarms["NoTraffic"]
    watched.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="a new day")


def the_queue_fills(watched: Watched) -> None:
    queue = watched.cloud.outputs["FailedImagesQueueUrl"]
    watched.client("sqs").send_message(QueueUrl=queue, MessageBody="{}")


def an_image_gets_old(watched: Watched) -> None:
    s3, bucket = watched.client("s3"), watched.cloud.outputs["ImageBucketName"]
    uploaded = s3.head_object(Bucket=bucket, Key=OLD)["LastModified"]
    wait_until(lambda: datetime.now(UTC) - uploaded > timedelta(seconds=61), "a minute does not pass", 65)
    watched.cloud.shell.scones("sweep", "--older-than", "1")


def an_image_waits_for_a_person(watched: Watched) -> None:
    since = (datetime.now(UTC) - timedelta(hours=2)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    texts = {
        "image_key": "incoming/waits.png", "etag": "e1", "outcome": "review", "finished_at": since,
        "state_shard": "person#0", "state_since": since,
    }  # fmt: skip
    watched.client("dynamodb").put_item(
        TableName=watched.cloud.outputs["ClaimsTableName"],
        Item={name: {"S": text} for name, text in texts.items()},
    )
    watched.cloud.shell.scones("sweep")


def the_sweep_fails(watched: Watched) -> None:
    function, nonsense = watched.cloud.outputs["SweepFunctionName"], b'{"older_than_minutes": "x"}'
    answer = watched.client("lambda").invoke(FunctionName=function, Payload=nonsense)
    assert "FunctionError" in answer


def the_breaker_fails(watched: Watched) -> None:
    """Nobody can say whether the stack is paused."""
    ssm, name = watched.client("ssm"), watched.cloud.outputs["PauseParameterName"]
    before = ssm.get_parameter(Name=name)["Parameter"]["Value"]
    ssm.put_parameter(Name=name, Value="nonsense", Overwrite=True)
    try:
        for _ in range(3):
            function = watched.cloud.physical_ids()["Breaker"]
            assert "FunctionError" in watched.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    finally:
        ssm.put_parameter(Name=name, Value=before, Overwrite=True)


def people_get_much(watched: Watched) -> None:
    """By data: it takes three hours."""
    for hour in range(3):
        watched.put("TooManyReviews", hour + 0.5, 1, count=100)


def people_get_nothing(watched: Watched) -> None:
    """By data: it takes three hours. It outweighs what the alarm on too many was given."""
    for hour in range(3):
        watched.put("TooFewReviews", hour + 0.5, 0, count=10_000)


def the_threshold_cannot_be_read(watched: Watched) -> None:
    """By data: a Filter that has read it once keeps it for 30 s. The loss itself is in test_pipeline."""
    for ago in (0.5, 1.5):
        watched.put("LiveThresholdUnread", ago, 1)


def audits_are_wrong(watched: Watched) -> None:
    """Let people have decided otherwise than the model for an hour; the sweep notifies the topic itself too."""
    let_audits_be_wrong(watched.cloud)
    function = watched.cloud.outputs["SweepFunctionName"]
    assert "FunctionError" not in watched.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    status = watched.cloud.shell.scones_json("status")
    assert status["watch"]["wrong"] > 5
    assert status["watch"]["done"].startswith("Nothing was changed")


# These three take two periods of five minutes: one is by data, the present one is real.


def the_endpoint_fails(watched: Watched) -> None:
    watched.put("EndpointFails", 1.5, 1)
    with endpoint_faults(watched.cloud, "internal"):
        watched.drop("fails", 2)
        wait_until(lambda: watched.heard("EndpointFails", "ALARM"), "failing calls make no alarm")


def the_endpoint_throttles(watched: Watched) -> None:
    watched.put("EndpointThrottles", 1.5, 1)
    with endpoint_faults(watched.cloud, "throttle"):
        watched.drop("throttled", 8)
        wait_until(lambda: watched.heard("EndpointThrottles", "ALARM"), "throttled calls make no alarm")


def the_endpoint_is_slow(watched: Watched) -> None:
    """Every answer takes more than the millisecond that this stack calls slow."""
    watched.put("EndpointSlow", 1.5, 50)
    watched.drop("slow")


def functions_are_throttled(watched: Watched) -> None:
    watched.put("FunctionThrottles", 1.5, 1)
    functions = watched.client("lambda")
    names = [one["FunctionName"] for one in functions.list_functions()["Functions"]]
    (serialize,) = [name for name in names if "-Serialize-" in name]
    functions.put_function_concurrency(FunctionName=serialize, ReservedConcurrentExecutions=0)
    try:
        watched.drop("crowded")
        wait_until(lambda: watched.heard("FunctionThrottles", "ALARM"), "throttles make no alarm")
    finally:
        functions.delete_function_concurrency(FunctionName=serialize)


def nobody_asks_the_endpoint(watched: Watched) -> None:
    """By data: the local cloud has no SageMaker. CPU is reported, and no request."""
    watched.put_queries("EndpointIdle", cpu=3)


def an_image_is_held_for_long(watched: Watched) -> None:
    """By data: the emulator's queues do not get ten days old."""
    watched.put("HeldImagesExpire", 0.5, 864_001)


# In this order: the silence is over with the first image, and an image needs its time to get old.
DRIVERS: dict[str, Driver] = {
    "NoTraffic": nothing_arrives,
    "FailedImagesWaiting": the_queue_fills,
    "HeldImagesExpire": an_image_is_held_for_long,
    "SweepFails": the_sweep_fails,
    "BreakerFails": the_breaker_fails,
    "ExecutionsTimedOut": executions_time_out,
    "ExecutionsFailed": executions_fail,
    "FailedOutcomes": an_image_fails,
    "ReleaseFails": a_release_fails,
    "RulesFail": events_reach_nobody,
    "EndpointFails": the_endpoint_fails,
    "EndpointThrottles": the_endpoint_throttles,
    "EndpointSlow": the_endpoint_is_slow,
    "FunctionThrottles": functions_are_throttled,
    "EndpointIdle": nobody_asks_the_endpoint,
    "TooManyReviews": people_get_much,
    "TooFewReviews": people_get_nothing,
    "LiveThresholdUnread": the_threshold_cannot_be_read,
    "PromiseRefuted": audits_are_wrong,
    "OldestReview": an_image_waits_for_a_person,
    "OldestUnclassifiedImage": an_image_gets_old,
}


def test_every_alarm_of_the_template_is_driven() -> None:
    assert DRIVERS.keys() == alarms().keys()


@pytest.mark.parametrize("name", DRIVERS)
def test_an_alarm_rings_and_the_alert_topic_hears_it(watched: Watched, name: str) -> None:
    DRIVERS[name](watched)

    wait_until(
        lambda: watched.heard(name, "ALARM"), lambda: f"{name} does not fire: {watched.described(name)}"
    )


def test_the_end_of_a_silence_is_told(watched: Watched) -> None:
    watched.drop("first")

    wait_until(lambda: watched.heard("NoTraffic", "OK"), "the alarm stays")
    assert watched.described("NoTraffic")["StateValue"] == "OK"


def test_a_request_ends_the_alarm_on_an_idle_endpoint(watched: Watched) -> None:
    watched.put_queries("EndpointIdle", asked=1)

    wait_until(lambda: watched.heard("EndpointIdle", "OK"), "the alarm stays")


def test_every_image_has_its_outcome_once_all_is_over(watched: Watched) -> None:
    expected = {"failed": 1, "fails": 2, "throttled": 8, "slow": 1, "crowded": 1, "first": 1}

    def outcomes() -> dict[str, int]:
        found = [one["image"]["key"].split("/")[1] for one in watched.cloud.documents().values()]
        return {name: found.count(name) for name in expected}

    wait_until(lambda: outcomes() == expected, f"outcomes are missing: {outcomes()}")
