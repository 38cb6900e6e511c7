"""`scones destroy`: its questions, the order of deletions, and how it continues after an interruption."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import click
import pytest
from click.testing import CliRunner

from scones.cli import main
from scones.destroy import command
from scones.destroy.inventory import PARAMETERS as TELLING_PARAMETERS
from tests.fakes.aws_clients import client_error
from tests.unit.scones.destroyable import LATE_LOGS, LOGS, Destroyable, deploy
from tests.unit.scones.fake_stack import IMAGES, REGION, RESULTS
from tools.transformed import transformed

if TYPE_CHECKING:
    from tests.unit.scones.fake_stack import Scones

GONE: dict[str, Any] = {"buckets": set(), "tables": [], "enabled": [], "stack": "DELETE_COMPLETE"}
READS = {
    "DescribeTable",
    "GetQueueAttributes",
    "ListExecutions",
    "ListObjectVersions",
    "ListMultipartUploads",
}


@pytest.fixture
def deployed(aws: None, monkeypatch: pytest.MonkeyPatch) -> Destroyable:
    return deploy(monkeypatch)


def answer(monkeypatch: pytest.MonkeyPatch, text: str, *options: str) -> Any:
    """Run it with somebody at the terminal who types this."""
    monkeypatch.setattr(command, "can_ask", lambda: True)
    runner = CliRunner(mix_stderr=False)
    return runner.invoke(main, ["destroy", "--stack", "scones", "--region", REGION, *options], input=text)


def denied(operation: str) -> Exception:
    return client_error("AccessDenied", 403, "no permission", operation)


def refuse(operation: str) -> Any:
    def hook(_request: dict[str, Any]) -> None:
        raise denied(operation)

    return hook


def test_everything_goes_and_the_stack_goes_last(scones: Scones, deployed: Destroyable) -> None:
    deployed.put(IMAGES, "incoming/a", "incoming/a", "incoming/b")
    deployed.put(RESULTS, "passed/a")
    deployed.start()

    result = scones("destroy", "--yes")

    assert result.exit_code == 0, result.stderr
    assert deployed.left() == GONE
    changes = [name for name in deployed.operations() if name not in READS]
    assert changes[changes.index("DisableRule") :] == [
        "DisableRule",
        "StopExecution",
        "DeleteObjects",
        "DeleteBucket",
        "DeleteObjects",
        "DeleteBucket",
        "DeleteTable",
        "DeleteStack",
        "DeleteLogGroup",
        "DescribeEndpoint",
        *changes[changes.index("DescribeEndpoint") + 1 :],
    ]
    for line in (
        "2 objects, 3 versions, 30 bytes",
        "about 1 item",
        "1 message",
        "1 running execution, to be stopped",
        "13 resources",
        "of account 123456789012",
        "3 rules disabled, 1 execution stopped",
        f"bucket {IMAGES} deleted with 3 versions in it",
        "table claims deleted",
        "stack scones deleted: 13 resources in all",
        f"log group {LOGS} deleted",
    ):
        assert line in result.stdout


def test_a_dry_run_changes_nothing(scones: Scones, deployed: Destroyable) -> None:
    deployed.put(IMAGES, "incoming/a")
    before = deployed.left()

    result = scones("destroy", "--dry-run", "--json", "--keep-images")

    document = json.loads(result.stdout)
    assert (result.exit_code, document["dry_run"], document["complete"], document["done"]) == (
        0,
        True,
        False,
        [],
    )
    images, results = document["contents"]["buckets"]
    assert (images["name"], images["versions"], images["size_bytes"], images["kept"]) == (IMAGES, 1, 10, True)
    assert results["kept"] is False
    assert document["kept"] == [IMAGES]
    assert deployed.left() == before


def test_nobody_to_ask_is_a_refusal(scones: Scones, deployed: Destroyable) -> None:
    result = scones("destroy")

    assert (result.exit_code, deployed.calls) == (2, [])
    assert "--yes deletes it without asking" in result.stderr


@pytest.mark.parametrize(("typed", "code"), [("scones\n", 0), ("y\n", 1), ("\n", 1)])
def test_the_stacks_name_is_asked_for(
    deployed: Destroyable, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    result = answer(monkeypatch, typed)

    assert result.exit_code == code
    assert (deployed.left() == GONE) == (code == 0)
    assert ("nothing was deleted" in result.stderr) == (code != 0)
    assert IMAGES in result.stdout


def test_ctrl_c_at_the_question_deletes_nothing(
    deployed: Destroyable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_arguments: object, **_options: object) -> NoReturn:
        raise click.Abort

    monkeypatch.setattr("click.prompt", interrupt)
    before = deployed.left()

    result = answer(monkeypatch, "")

    assert (result.exit_code, deployed.left()) == (130, before)
    assert "nothing was deleted" in result.stderr


def test_json_leaves_stdout_to_the_document(deployed: Destroyable, monkeypatch: pytest.MonkeyPatch) -> None:
    result = answer(monkeypatch, "scones\n", "--json")

    document = json.loads(result.stdout[result.stdout.index("{") :])  # click's runner shows what was typed
    assert (result.exit_code, document["complete"], document["kept"]) == (0, True, [])
    assert f"bucket {IMAGES}" in result.stderr


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--keep-results"], {RESULTS}),
        (["--keep-images"], {IMAGES}),
        (["--keep-images", "--keep-results"], {IMAGES, RESULTS}),
    ],
)
def test_what_is_kept_is_as_it_was(
    scones: Scones, deployed: Destroyable, options: list[str], kept: set[str]
) -> None:
    deployed.put(RESULTS, "passed/a")
    deployed.put(IMAGES, "incoming/a")

    result = scones("destroy", "--yes", *options)

    assert result.exit_code == 0, result.stderr
    assert deployed.left() == GONE | {"buckets": kept}
    for bucket in kept:
        assert len(deployed.client("s3").list_object_versions(Bucket=bucket)["Versions"]) == 1
        assert f"bucket {bucket} stays, with everything in it" in result.stdout


def test_executions_that_events_on_their_way_start_are_stopped_too(
    scones: Scones, deployed: Destroyable
) -> None:
    first = deployed.start()
    late: list[str] = []

    def start_another(request: dict[str, Any]) -> None:
        if request["executionArn"] == first and not late:
            late.append(deployed.start())

    deployed.hooks["StopExecution"] = start_another
    scones("destroy", "--yes")

    states = deployed.client("stepfunctions")
    assert late
    for arn in (first, *late):
        assert states.describe_execution(executionArn=arn)["status"] == "ABORTED"
    assert deployed.operations().index("DisableRule") < deployed.operations().index("StopExecution")


def test_an_execution_that_ends_by_itself_needs_no_stop(scones: Scones, deployed: Destroyable) -> None:
    def is_over(_request: dict[str, Any]) -> None:
        raise client_error("ValidationException", 400, "Execution is not running", "StopExecution")

    deployed.start()
    deployed.hooks["StopExecution"] = is_over
    result = scones("destroy", "--yes")

    assert (result.exit_code, deployed.left()) == (0, GONE)
    assert "3 rules disabled, 0 executions stopped" in result.stdout


def test_an_express_workflow_has_no_list_of_executions(scones: Scones, deployed: Destroyable) -> None:
    def refuse_express(_request: dict[str, Any]) -> None:
        raise client_error("StateMachineTypeNotSupported")

    deployed.hooks["ListExecutions"] = refuse_express
    assert scones("destroy", "--yes").exit_code == 0
    assert deployed.left() == GONE


def test_ctrl_c_says_how_to_go_on_and_a_second_run_does(scones: Scones, deployed: Destroyable) -> None:
    def interrupt(_request: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    deployed.put(IMAGES, "incoming/a")
    deployed.hooks["DeleteTable"] = interrupt
    first = scones("destroy", "--yes", "--keep-results")
    assert first.exit_code == 130
    assert f"bucket {IMAGES} deleted with 1 version in it" in first.stdout
    assert (
        "`scones destroy --stack scones --region us-east-1 --keep-results` continues from here"
        in first.stderr
    )
    assert deployed.left() == {
        "buckets": {RESULTS},
        "tables": ["claims"],
        "enabled": [],
        "stack": "CREATE_COMPLETE",
    }

    deployed.hooks.clear()
    second = scones("destroy", "--yes", "--keep-results")
    assert second.exit_code == 0, second.stderr
    assert f"bucket {IMAGES}" not in second.stdout
    assert deployed.left() == GONE | {"buckets": {RESULTS}}


@pytest.mark.parametrize("operation", ["DisableRule", "DeleteObjects", "DeleteTable"])
def test_a_refused_permission_is_one_line_and_nothing_is_lost(
    scones: Scones, deployed: Destroyable, operation: str
) -> None:
    deployed.put(IMAGES, "incoming/a")
    deployed.start()
    deployed.hooks[operation] = refuse(operation)

    result = scones("destroy", "--yes")

    assert result.exit_code == 2
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error")]
    assert f"not allowed to call {operation}" in line
    assert "continues from here" in line
    assert deployed.stacks.deletions == 0
    deployed.hooks.clear()
    assert scones("destroy", "--yes").exit_code == 0
    assert deployed.left() == GONE


def test_a_resource_that_cannot_be_deleted_is_named_with_its_reason(
    scones: Scones, deployed: Destroyable
) -> None:
    deployed.stack.undeletable = {
        "UploaderPolicy": "Cannot delete a policy attached to entities.",
        "Monitoring": "Embedded stack was not successfully deleted",
    }
    deployed.stacks.stacks[1].undeletable = {"Dashboard": "no permission to delete it"}

    first = scones("destroy", "--yes")

    assert first.exit_code == 1
    assert "stack scones could not be deleted" in first.stderr
    assert "UploaderPolicy (AWS::IAM::ManagedPolicy): Cannot delete a policy attached" in first.stderr
    assert "Dashboard (AWS::CloudWatch::Dashboard): no permission to delete it" in first.stderr
    assert "continues from here" in first.stderr

    for stack in deployed.stacks.stacks:
        stack.undeletable = {}
    second = scones("destroy", "--yes")
    assert second.exit_code == 0, "that it failed before is shown for a moment, and is not this run's end"
    assert deployed.left() == GONE
    assert scones("destroy", "--yes").exit_code == 2
    assert "no stack named scones" in scones("destroy", "--yes").stderr


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"status": "UPDATE_IN_PROGRESS"}, "is being changed (status UPDATE_IN_PROGRESS)"),
        ({"status": "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"}, "is being changed"),
        ({"is_protected": True}, "update-termination-protection --no-enable-termination-protection"),
        ({"parameters": {"Name": "x"}}, "is not an image triage stack (no parameter ConfidenceThreshold)"),
    ],
)
def test_a_stack_that_must_not_be_touched(
    scones: Scones, deployed: Destroyable, change: dict[str, Any], line: str
) -> None:
    for name, value in change.items():
        setattr(deployed.stack, name, value)

    result = scones("destroy", "--yes")

    assert (result.exit_code, deployed.calls) == (2, [])
    assert line in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_deletion_that_is_under_way_is_gone_on_with(scones: Scones, deployed: Destroyable) -> None:
    deployed.stack.status = "DELETE_IN_PROGRESS"
    assert scones("destroy", "--yes").exit_code == 0
    assert deployed.left() == GONE


def test_what_another_deletion_left_is_found_by_the_stacks_id(scones: Scones, deployed: Destroyable) -> None:
    deployed.stacks.delete_stack(StackName="scones")
    deployed.stack.status, deployed.stacks.coming = "DELETE_COMPLETE", []
    assert scones("destroy", "--yes").exit_code == 2

    result = scones("destroy", "--yes", stack=deployed.stack.arn)

    assert result.exit_code == 0, result.stderr
    assert deployed.left() | {"enabled": []} == GONE
    assert deployed.stacks.deletions == 1


def test_log_groups_that_came_back_are_deleted(scones: Scones, deployed: Destroyable) -> None:
    logs = deployed.client("logs")
    logs.create_log_group(logGroupName=LATE_LOGS)
    logs.create_log_group(logGroupName="of-somebody-else")

    assert scones("destroy", "--yes").exit_code == 0

    left = [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]]
    assert left == ["of-somebody-else"]


def test_what_is_not_the_stacks_and_costs_is_named(scones: Scones, deployed: Destroyable) -> None:
    deployed.hooks["DescribeEndpoint"] = lambda _request: {"EndpointStatus": "InService"}
    deployed.stack.parameters["KmsKeyArn"] = "arn:aws:kms:us-east-1:123456789012:key/k"

    result = scones("destroy", "--dry-run")

    assert "SageMaker endpoint the-endpoint (InService)" in result.stderr
    assert (
        "python -m training.deploy --endpoint-name the-endpoint --region us-east-1 --delete" in result.stderr
    )
    assert "KMS key arn:aws:kms:us-east-1:123456789012:key/k" in result.stderr


@pytest.mark.parametrize("options", [["--dry-run"], ["--yes"]])
def test_a_bucket_that_was_there_before_stays_and_is_named(
    scones: Scones, deployed: Destroyable, options: list[str]
) -> None:
    deployed.stack.parameters["ExistingImageBucket"] = "photos-of-ours"

    result = scones("destroy", *options)

    assert result.exit_code == 0
    assert "bucket photos-of-ours" in result.stdout
    assert "yours: stays as it is, with all its objects" in result.stdout
    assert "bucket photos-of-ours, with all its objects" in result.stderr
    assert "turn that off in its notifications" in result.stderr


def test_an_endpoint_that_does_not_exist_costs_nothing(scones: Scones, deployed: Destroyable) -> None:
    assert "may cost" not in scones("destroy", "--dry-run").stderr
    deployed.hooks["DescribeEndpoint"] = refuse("DescribeEndpoint")
    assert "the-endpoint (not allowed to look)" in scones("destroy", "--dry-run").stderr


def test_what_the_template_retains_is_what_is_deleted_one_by_one() -> None:
    template = transformed()
    retained = {
        name: resource["Type"]
        for name, resource in template["Resources"].items()
        if str(resource.get("DeletionPolicy", "")).startswith("Retain")
        # These go with the function or workflow they are versions of.
        and not resource["Type"].endswith("Version")
    }

    assert set(retained.values()) == {"AWS::S3::Bucket", "AWS::DynamoDB::Table"}
    assert {"ImageBucket", "ResultsBucket"} <= set(retained)
    assert set(template["Parameters"]) >= TELLING_PARAMETERS
