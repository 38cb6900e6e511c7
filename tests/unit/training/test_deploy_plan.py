"""What a release asks of AWS, as --dry-run prints it: no AWS library, no credentials, no call."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from training.deploy import main
from training.errors import ReleaseError
from training.release.autoscaling import target_invocations
from training.release.endpoint_requests import create_config, create_model, plan, update_endpoint
from training.release.model_release import Instances, Release, Rollout, Serverless, version_in

ROOT = Path(__file__).parents[3]
NAME = "scones-image-classifier"
MODEL_DATA = "s3://models/triage/cb5df16abfe4/model.tar.gz"
IMAGE = "registry.example/scones-endpoint:1"
ROLE = "arn:aws:iam::123456789012:role/endpoint"
OPTIONS = ["--endpoint-name", NAME, "--image", IMAGE, "--model-data", MODEL_DATA, "--role", ROLE]
INSTANCES = Instances("ml.c5.large", 2, 4, capture="s3://captured/here")


def release(hosting: Serverless | Instances = INSTANCES, **changes: str) -> Release:
    given = {"endpoint_name": NAME, "image": IMAGE, "model_data": MODEL_DATA, "role": ROLE}
    return Release(**{**given, "version": "cb5df16abfe4", **changes}, hosting=hosting)


def operations(hosting: Serverless | Instances, rollout: Rollout = Rollout()) -> list[str]:  # noqa: B008
    return [call.operation for call in plan(release(hosting), rollout)]


def test_a_dry_run_imports_no_aws_library_and_prints_every_call() -> None:
    program = (
        "import sys; from training.deploy import main; code = main(sys.argv[1:]); "
        "print(sorted({'boto3', 'botocore', 'sagemaker'} & set(sys.modules))); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, *OPTIONS, "--dry-run"]
    done = subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
    printed = [line.split()[1] for line in done.stdout.splitlines() if line.endswith("{") and line[0] != " "]
    assert printed == operations(Serverless())
    assert "no cost while idle" in done.stdout


def test_what_is_printed_is_what_is_sent(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*OPTIONS, "--instance-type", "ml.c5.large", "--dry-run"]) == 0
    blocks = capsys.readouterr().out.split("\n\n")[:-1]
    requests = [json.loads(block[block.index("{") :]) for block in blocks]
    calls = plan(release(Instances("ml.c5.large")), Rollout())
    assert requests == [call.arguments for call in calls]


def test_serverless_has_no_instances_no_guardrails_and_no_autoscaling() -> None:
    assert operations(Serverless()) == [
        "CreateModel",
        "CreateEndpointConfig",
        "PutMetricAlarm",
        "PutMetricAlarm",
        "CreateEndpoint",
        "UpdateEndpoint",
    ]
    (variant,) = create_config(release(Serverless(3072, 5))).arguments["ProductionVariants"]
    assert variant["ServerlessConfig"] == {"MemorySizeInMB": 3072, "MaxConcurrency": 5}
    assert "InstanceType" not in variant
    assert "DeploymentConfig" not in update_endpoint(release(Serverless()), Rollout()).arguments


def test_instances_capture_and_scale() -> None:
    assert operations(INSTANCES)[-2:] == ["RegisterScalableTarget", "PutScalingPolicy"]
    config = create_config(release()).arguments
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 2
    assert config["DataCaptureConfig"]["DestinationS3Uri"] == "s3://captured/here"
    target, policy = (call.arguments for call in plan(release(), Rollout())[-2:])
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 4)
    tracking = policy["TargetTrackingScalingPolicyConfiguration"]
    assert tracking["TargetValue"] == target_invocations(50) == 1500


def deployment(rollout: Rollout) -> dict[str, Any]:
    config: dict[str, Any] = update_endpoint(release(), rollout).arguments["DeploymentConfig"]
    return config


def test_an_update_rolls_back_on_the_alarms_made_for_it() -> None:
    made = [call.arguments["AlarmName"] for call in plan(release(), Rollout()) if "Alarm" in call.operation]
    watched = deployment(Rollout())["AutoRollbackConfiguration"]["Alarms"]
    assert [alarm["AlarmName"] for alarm in watched] == made
    assert len(made) == 2


def test_alarms_of_the_user_replace_them() -> None:
    rollout = Rollout(alarms=("mine",))
    assert deployment(rollout)["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": "mine"}]}
    assert "PutMetricAlarm" not in operations(INSTANCES, rollout)


def test_a_canary_goes_first_and_is_watched() -> None:
    policy = deployment(Rollout(canary_percent=10, bake_s=120))["BlueGreenUpdatePolicy"]
    assert policy["TrafficRoutingConfiguration"] == {
        "Type": "CANARY",
        "WaitIntervalInSeconds": 120,
        "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 10},
    }
    assert policy["MaximumExecutionTimeoutInSeconds"] > 2 * 120
    assert (
        deployment(Rollout())["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["Type"] == "ALL_AT_ONCE"
    )


def test_a_deployed_instance_count_outlives_an_update_but_not_the_capture_settings() -> None:
    request = update_endpoint(release(), Rollout()).arguments
    assert request["RetainAllVariantProperties"] is True
    assert request["ExcludeRetainedVariantProperties"] == [{"VariantPropertyType": "DataCaptureConfig"}]


def names(of: Release) -> tuple[str, str]:
    return create_model(of).arguments["ModelName"], create_config(of).arguments["EndpointConfigName"]


def test_names_follow_the_release_and_nothing_else() -> None:
    assert names(release()) == names(release())
    assert all("cb5df16abfe4" in name for name in names(release()))
    for changed in (release(image=IMAGE + "2"), release(model_data=MODEL_DATA + "2")):
        assert not set(names(changed)) & set(names(release()))
    model, config = names(release(Serverless()))
    assert model == names(release())[0]
    assert config != names(release())[1]


def test_the_longest_endpoint_name_gives_names_aws_takes() -> None:
    longest = "a" * 39 + "-" + "b" * 23
    assert max(len(name) for name in names(release(endpoint_name=longest))) <= 63


def test_the_version_is_read_from_the_address() -> None:
    assert version_in(MODEL_DATA) == "cb5df16abfe4"
    with pytest.raises(ReleaseError, match="give --version"):
        version_in("s3://models/job-1/output/model.tar.gz")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--endpoint-name", "Upper-Case"], "lower-case"),
        (["--image", "registry.example/scones-endpoint"], "always names the same build"),
        (["--image", "registry.example:5000/scones-endpoint:latest"], "always names the same build"),
        (["--model-data", "https://x/cb5df16abfe4/model.tar.gz"], "s3://"),
        (["--capture", "s3://b/c"], "--instance-type"),
        (["--canary", "10"], "--instance-type"),
        (["--serverless", "--instance-type", "ml.m5.large"], "exclude each other"),
        (["--instance-type", "ml.m5.large", "--min", "0"], "--min"),
        (["--instance-type", "ml.m5.large", "--min", "3"], "--max"),
        (["--instance-type", "ml.m5.large", "--canary", "10"], "--min 2"),
        (["--instance-type", "ml.m5.large", "--capture", "here"], "--capture"),
        (["--max-concurrency", "201"], "--max-concurrency"),
        (["--bake", "-1"], "--bake"),
        ([word for number in range(11) for word in ("--alarm", str(number))], "10 at most"),
        (["--role", ""], "give --role"),
        (["--role", "endpoint"], "ARN of a role"),
        (["--image", "a b:1"], "no spaces"),
        (["--model-data", "s3:///cb5df16abfe4/model.tar.gz"], "s3://bucket/key"),
        (["--instance-type", "m5.large"], "begin with ml."),
        (["--instance-type", "ml.m5.large", "--capture", "s3://"], "s3://bucket/prefix"),
        (["--alarm", ""], "--alarm"),
        (["--max-error-rate", "nan"], "--max-error-rate"),
        (["--max-latency-ms", "0"], "--max-latency-ms"),
        (["--max-rps", "inf"], "--max-rps"),
        (["--version", "so_wrong"], "version"),
    ],
)
def test_what_cannot_be_is_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], reason: str
) -> None:
    assert main([*OPTIONS, *options, "--dry-run"]) == 1
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert reason in line
    assert captured.out == ""


def test_instances_say_what_they_cost_idle() -> None:
    assert "48 instance hours a day" in INSTANCES.idle_cost()
