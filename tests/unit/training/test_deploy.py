"""Releases on an emulated SageMaker: what exists afterwards, again, after an interruption, and after a failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

REASON = "sagemaker-core is not installed: releasing has an environment of its own"
pytest.importorskip("moto", reason="moto is not installed")
pytest.importorskip("sagemaker.core", reason=REASON)

from tests.fakes.sagemaker_control_plane import ROLE, ControlPlane, emulated_sagemaker  # noqa: E402
from training.errors import ReleaseError  # noqa: E402
from training.release.endpoint_requests import create_config  # noqa: E402
from training.release.endpoint_rollout import Deployment  # noqa: E402
from training.release.model_release import Hosting, Instances, Release, Rollout, Serverless  # noqa: E402
from training.release.waiting import Waiter  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAME = "scones-image-classifier"
INSTANCES = Instances("ml.c5.large", 1, 4, capture="s3://captured/here")
ALARMS = (f"{NAME}-server-errors", f"{NAME}-latency")


class Cloud:
    """The emulated account, and short words for what is in it."""

    def __init__(self, plane: ControlPlane, session: Any) -> None:
        self.plane, self.session = plane, session
        self.sagemaker = session.client("sagemaker")
        self.cloudwatch = session.client("cloudwatch")
        self.scaling = session.client("application-autoscaling")
        self.said: list[str] = []
        self.naps: list[float] = []
        self.meanwhile: Callable[[], None] = lambda: None

    def deploy(
        self, version: str = "000000000001", hosting: Hosting | None = None, rollout: Rollout | None = None
    ) -> None:
        waiter = Waiter(self.said.append, self.nap, poll_s=60)
        Deployment(self.session, release(version, hosting), rollout or Rollout(), waiter).run()

    def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.meanwhile()

    def names(self, kind: str) -> list[str]:
        answer = getattr(self.sagemaker, f"list_{kind}")()
        (entries,) = (value for key, value in answer.items() if key not in ("ResponseMetadata", "NextToken"))
        return sorted(value for entry in entries for key, value in entry.items() if key.endswith("Name"))

    def config(self) -> str:
        answer = self.sagemaker.describe_endpoint(EndpointName=NAME)
        return str(answer["EndpointConfigName"])

    def targets(self) -> list[dict[str, Any]]:
        targets: list[dict[str, Any]] = self.scaling.describe_scalable_targets(ServiceNamespace="sagemaker")[
            "ScalableTargets"
        ]
        return targets

    def ring(self, name: str) -> None:
        if not self.cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]:
            self.cloudwatch.put_metric_alarm(
                AlarmName=name,
                Namespace="n",
                MetricName="m",
                Statistic="Sum",
                Period=60,
                EvaluationPeriods=1,
                Threshold=1,
                ComparisonOperator="GreaterThanThreshold",
            )
        self.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")


def release(version: str = "000000000001", hosting: Hosting | None = None) -> Release:
    data = f"s3://models/{version}/model.tar.gz"
    return Release(NAME, "registry.example/endpoint:1", data, ROLE, version, hosting or Serverless())


def config_name(*of: Any) -> str:
    return str(create_config(release(*of)).arguments["EndpointConfigName"])


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    with emulated_sagemaker() as (plane, session):
        yield Cloud(plane, session)


def test_a_first_release_makes_the_endpoint_serverless(cloud: Cloud) -> None:
    cloud.deploy()
    assert cloud.config() == config_name()
    described = cloud.sagemaker.describe_endpoint_config(EndpointConfigName=config_name())
    (variant,) = described["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 2048, "MaxConcurrency": 10}
    model = cloud.sagemaker.describe_model(ModelName=variant["ModelName"])
    assert model["PrimaryContainer"]["ModelDataUrl"] == "s3://models/000000000001/model.tar.gz"
    assert model["PrimaryContainer"]["Environment"] == {"SCONES_MODEL_VERSION": "000000000001"}
    assert cloud.targets() == []


def test_sagemaker_core_still_misspells_the_memory_of_a_serverless_variant() -> None:
    # If this fails, sagemaker-core is fixed and endpoint_resources.py can drop its exception.
    from sagemaker.core.shapes import ProductionVariantServerlessConfig
    from sagemaker.core.utils.utils import serialize

    assert "MemorySizeInMB" not in serialize(
        ProductionVariantServerlessConfig(memory_size_in_mb=2048, max_concurrency=1)
    )


def test_instances_come_with_capture_alarms_and_autoscaling(cloud: Cloud) -> None:
    cloud.deploy(hosting=INSTANCES)
    described = cloud.sagemaker.describe_endpoint_config(EndpointConfigName=cloud.config())
    assert described["ProductionVariants"][0]["InstanceType"] == "ml.c5.large"
    assert described["DataCaptureConfig"]["DestinationS3Uri"] == "s3://captured/here"
    (target,) = cloud.targets()
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 4)
    alarms = cloud.cloudwatch.describe_alarms()["MetricAlarms"]
    assert sorted(alarm["AlarmName"] for alarm in alarms) == sorted(ALARMS)


@pytest.mark.parametrize("hosting", [Serverless(), INSTANCES])
def test_the_same_release_again_changes_nothing(cloud: Cloud, hosting: Hosting) -> None:
    cloud.deploy(hosting=hosting)
    cloud.plane.calls.clear()
    cloud.deploy(hosting=hosting)
    repeated = {"PutMetricAlarm", "RegisterScalableTarget", "PutScalingPolicy"}  # they replace their like
    assert set(cloud.plane.writes()) <= repeated
    assert len(cloud.names("models")) == len(cloud.names("endpoint_configs")) == 1


def test_a_new_version_takes_over_blue_green_with_rollback(cloud: Cloud) -> None:
    cloud.deploy(hosting=INSTANCES)
    cloud.deploy("000000000002", INSTANCES)
    assert cloud.config() == config_name("000000000002", INSTANCES)
    (update,) = cloud.plane.updates
    assert update["DeploymentConfig"]["BlueGreenUpdatePolicy"]["TerminationWaitInSeconds"] == 300
    watched = update["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]
    assert tuple(alarm["AlarmName"] for alarm in watched) == ALARMS
    assert update["RetainAllVariantProperties"] is True
    assert len(cloud.names("endpoint_configs")) == 2


def test_an_earlier_release_is_taken_up_again_without_making_anything(cloud: Cloud) -> None:
    cloud.deploy()
    cloud.deploy("000000000002")
    cloud.plane.calls.clear()
    cloud.deploy()
    assert cloud.config() == config_name()
    assert "CreateModel" not in cloud.plane.calls
    assert "CreateEndpointConfig" not in cloud.plane.calls


@pytest.mark.parametrize(
    "operation",
    ["CreateModel", "CreateEndpointConfig", "PutMetricAlarm", "CreateEndpoint", "RegisterScalableTarget"],
)
def test_an_interrupted_first_release_goes_on(cloud: Cloud, operation: str) -> None:
    cloud.plane.interrupt_before = operation
    with pytest.raises(KeyboardInterrupt):
        cloud.deploy(hosting=INSTANCES)
    cloud.deploy(hosting=INSTANCES)
    for once in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint"):
        assert cloud.plane.calls.count(once) == 1
    assert cloud.config() == config_name("000000000001", INSTANCES)
    assert len(cloud.targets()) == 1


@pytest.mark.parametrize("status", ["Creating", "Updating", "SystemUpdating"])
def test_what_is_under_way_is_waited_for_not_repeated(cloud: Cloud, status: str) -> None:
    cloud.deploy()
    cloud.plane.calls.clear()
    cloud.plane.statuses = [status] * 4
    cloud.deploy()
    assert not {"CreateEndpoint", "UpdateEndpoint"} & set(cloud.plane.calls)
    assert any(status in line for line in cloud.said)
    assert cloud.naps


def test_an_update_that_sagemaker_rolls_back_says_why(cloud: Cloud) -> None:
    cloud.deploy(hosting=INSTANCES)
    cloud.plane.roll_back = True
    cloud.plane.failure_reason = "Alarm\nrang"
    with pytest.raises(
        ReleaseError, match=f"rolled back to {config_name('000000000001', INSTANCES)}: Alarm rang"
    ):
        cloud.deploy("000000000002", INSTANCES)


def test_an_endpoint_that_fails_says_why_and_the_next_run_makes_it_anew(cloud: Cloud) -> None:
    cloud.plane.statuses = ["Creating", "Failed", "Failed"]
    cloud.plane.failure_reason = "no /ping"
    with pytest.raises(ReleaseError, match="is Failed: no /ping"):
        cloud.deploy()
    cloud.plane.statuses = ["Failed"] * 3
    cloud.deploy()
    assert cloud.plane.calls.count("CreateEndpoint") == 2
    assert cloud.config() == config_name()


def test_waiting_ends(cloud: Cloud) -> None:
    cloud.plane.statuses = ["Creating"] * 1000
    with pytest.raises(TimeoutError, match="run this again to continue"):
        cloud.deploy()
    assert sum(cloud.naps) == 3600


def test_a_serverless_release_is_watched_and_taken_back_on_alarm(cloud: Cloud) -> None:
    cloud.deploy()
    cloud.plane.calls.clear()
    cloud.meanwhile = lambda: cloud.ring(ALARMS[0])
    with pytest.raises(ReleaseError, match=f"rolled back to {config_name()}: alarm {ALARMS[0]} fired"):
        cloud.deploy("000000000002")
    assert cloud.config() == config_name()
    assert cloud.plane.calls.count("UpdateEndpoint") == 2


def test_an_alarm_that_rang_before_does_not_take_the_mending_release_back(cloud: Cloud) -> None:
    cloud.deploy(hosting=Serverless(1024))
    cloud.ring("mine")
    cloud.deploy(rollout=Rollout(alarms=("mine",)))
    assert cloud.config() == config_name()


def test_a_quiet_serverless_release_stays(cloud: Cloud) -> None:
    cloud.deploy()
    cloud.deploy("000000000002", rollout=Rollout(bake_s=180))
    assert cloud.config() == config_name("000000000002")
    assert sum(cloud.naps) == 180


def test_another_instance_type_leaves_autoscaling_first_and_gets_it_back(cloud: Cloud) -> None:
    cloud.deploy(hosting=INSTANCES)
    cloud.plane.calls.clear()
    cloud.deploy(hosting=Instances("ml.m5.large", 2, 8))
    calls = cloud.plane.writes()
    assert (
        calls.index("DeregisterScalableTarget")
        < calls.index("UpdateEndpoint")
        < calls.index("RegisterScalableTarget")
    )
    assert cloud.targets()[0]["MinCapacity"] == 2


def test_serverless_becomes_instances_with_their_own_count(cloud: Cloud) -> None:
    cloud.deploy()
    cloud.deploy(hosting=INSTANCES)
    assert "RetainAllVariantProperties" not in cloud.plane.updates[0]


def test_instances_do_not_become_serverless_and_nothing_is_left_behind(cloud: Cloud) -> None:
    cloud.deploy(hosting=INSTANCES)
    cloud.plane.calls.clear()
    with pytest.raises(ReleaseError, match="cannot make serverless"):
        cloud.deploy()
    assert cloud.plane.writes() == []


def test_somebody_elses_endpoint_is_left_alone(cloud: Cloud) -> None:
    cloud.deploy()
    cloud.sagemaker.delete_tags(
        ResourceArn=cloud.sagemaker.describe_endpoint(EndpointName=NAME)["EndpointArn"],
        TagKeys=["scones:endpoint"],
    )
    cloud.plane.calls.clear()
    with pytest.raises(ReleaseError, match=r"was not created by training\.deploy"):
        cloud.deploy("000000000002")
    assert cloud.plane.writes() == []


def test_an_alarm_that_is_not_there_is_said_before_anything_is_made(cloud: Cloud) -> None:
    with pytest.raises(ReleaseError, match="no such alarm: absent"):
        cloud.deploy(hosting=INSTANCES, rollout=Rollout(alarms=("absent",)))
    assert cloud.plane.writes() == []
