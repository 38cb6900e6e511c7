"""A release has one name, which follows all that it consists of, and a deploy is judged by the release's own alarm."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from samcli.yamlhelper import yaml_parse

from tests.static.policies import resources
from tools import release_digest
from tools.transformed import template as flattened

FUNCTIONS = ("Serialize", "Classify", "Filter")
MACHINES = ("ClassifyImage", "ClassifyImageExpress")


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return flattened()


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    """What the digest is made of, to be changed."""
    for folder in release_digest.FOLDERS:
        shutil.copytree(root / folder, tmp_path / folder)
    shutil.copy(root / "template.yaml", tmp_path)
    return tmp_path


def version_of(function: str) -> tuple[str, dict[str, Any]]:
    (found,) = [
        (name, resource)
        for name, resource in resources().items()
        if resource["Type"] == "AWS::Lambda::Version"
        and resource["Properties"]["FunctionName"] == {"Ref": function}
    ]
    return found


def parameters_in(value: Any, known: set[str]) -> set[str]:
    """The parameters that a value refers to, whatever the intrinsic function."""
    match value:
        case {"Ref": name}:
            return {name} & known
        case dict():
            inner = set().union(*(parameters_in(part, known) for part in value.values())) if value else set()
            return inner | ({"WorkflowType"} if "IsExpress" in json.dumps(value.get("Fn::If", "")) else set())
        case list():
            return set().union(*(parameters_in(part, known) for part in value)) if value else set()
        case str():
            return set(re.findall(r"\$\{(\w+)\}", value)) & known
    return set()


def test_the_digest_is_of_what_is_here(root: Path) -> None:
    assert release_digest.written(root / "template.yaml") == release_digest.digest(root), (
        "functions/, statemachine/ or their settings in template.yaml have changed: run `make release-digest`"
    )


def test_a_certificate_binds_the_code_of_serialize(root: Path, copied: Path) -> None:
    written = release_digest.written(root / "template.yaml", "Serialize")
    assert written == release_digest.serialize_digest(root), "run `make release-digest`"
    (copied / "functions/filter/filter/verdict.py").write_text("")
    assert release_digest.serialize_digest(copied) == written
    (copied / "functions/serialize/requirements.txt").write_text("pillow==1")
    assert release_digest.serialize_digest(copied) != written


def test_a_certificate_binds_every_setting_that_decides_what_serialize_makes_of_an_image(
    template: dict[str, Any],
) -> None:
    """The others decide which images are accepted, where they are read from, and how this is logged."""
    settings = template["Resources"]["Serialize"]["Properties"]["Environment"]["Variables"]
    others = {"POWERTOOLS_SERVICE_NAME", "MAX_OBJECT_BYTES", "MAX_PIXELS", "AWS_ENDPOINT_URL_S3"}
    deciding = {value["Ref"] for name, value in settings.items() if name not in others}
    bound = template["Resources"]["Filter"]["Properties"]["Environment"]["Variables"]["SERIALIZE_DIGEST"]
    assert parameters_in(bound, set(template["Parameters"])) == deciding == {"ModelInputSize"}
    assert template["Outputs"]["SerializeDigest"]["Value"] == bound


@pytest.mark.parametrize(
    "changed",
    [
        "functions/filter/filter/verdict.py",
        "functions/serialize/requirements.txt",
        "statemachine/classify_image.asl.json",
    ],
)
def test_the_digest_follows_every_file_that_ships(copied: Path, changed: str) -> None:
    before = release_digest.digest(copied)
    path = copied / changed
    path.write_text(path.read_text() + "\n")
    assert release_digest.digest(copied) != before


def test_the_digest_follows_names_of_files(copied: Path) -> None:
    before = release_digest.digest(copied)
    (copied / "functions/filter/filter/verdict.py").rename(copied / "functions/filter/filter/decision.py")
    assert release_digest.digest(copied) != before


@pytest.mark.parametrize(
    ("old", "new", "follows"),
    [
        ("MemorySize: 1769", "MemorySize: 1770", True),
        ("Runtime: python3.13", "Runtime: python3.14", True),
        ("Percentage: !If [HasCanary, 10,", "Percentage: !If [HasCanary, 20,", False),
        ("# The bucket of uploads.", "# Uploads arrive here.", False),
    ],
)
def test_the_digest_follows_the_settings_of_what_runs(
    copied: Path, old: str, new: str, *, follows: bool
) -> None:
    before = release_digest.digest(copied)
    path = copied / "template.yaml"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    assert (release_digest.digest(copied) != before) is follows


def test_what_python_leaves_behind_does_not_ship(copied: Path) -> None:
    before = release_digest.digest(copied)
    for name in (
        "functions/filter/filter/__pycache__/app.cpython-313.pyc",
        "functions/.mypy_cache/x",
        "functions/.DS_Store",
    ):
        (copied / name).parent.mkdir(exist_ok=True)
        (copied / name).write_text("left behind")
    assert release_digest.digest(copied) == before


def test_the_digest_is_written_where_it_stands_and_nowhere_else(copied: Path) -> None:
    path = copied / "template.yaml"
    text, digest = path.read_text(), release_digest.digest(copied)
    release_digest.write(path, "0123456789ab")
    assert release_digest.written(path) == "0123456789ab"
    assert release_digest.digest(copied) == digest
    release_digest.write(path, digest)
    assert path.read_text() == text


@pytest.mark.parametrize("machine", MACHINES)
def test_a_definition_names_versions_of_the_functions(machine: str) -> None:
    named = resources()[machine]["Properties"]["DefinitionSubstitutions"]
    assert {name: named[f"{name}Function"] for name in FUNCTIONS} == {
        name: {"Ref": version_of(name)[0]} for name in FUNCTIONS
    }


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_version_is_replaced_with_the_release_and_kept_afterwards(
    template: dict[str, Any], function: str
) -> None:
    """A changed description replaces a version; Lambda publishes one only of a changed function, so its environment has
    the release as well."""
    release = template["Globals"]["Function"]["Environment"]["Variables"]["RELEASE"]
    _, version = version_of(function)
    assert version["Properties"]["Description"] == release
    assert (version["DeletionPolicy"], version["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_everybody_has_the_same_name_for_the_release(template: dict[str, Any]) -> None:
    release = template["Globals"]["Function"]["Environment"]["Variables"]["RELEASE"]
    found = template["Resources"]
    assert found["Monitoring"]["Properties"]["Parameters"]["Release"] == release
    for machine in MACHINES:
        assert found[machine]["Properties"]["DefinitionSubstitutions"]["Release"] == release


def test_the_name_of_a_release_follows_every_parameter_that_it_depends_on(template: dict[str, Any]) -> None:
    known = set(template["Parameters"])
    holders = [resources()[name]["Properties"]["Environment"] for name in FUNCTIONS]
    holders += [resources()[name]["Properties"]["DefinitionSubstitutions"] for name in MACHINES]
    needed = set().union(*(parameters_in(holder, known) for holder in holders))
    text, _ = template["Resources"]["ReleaseSettings"]["Properties"]["Content"]["Fn::Sub"]
    assert needed >= {"EndpointName", "Labels", "ConfidenceThreshold", "MaxPixels", "WorkflowType"}
    assert needed - parameters_in(text, known) == set()
    assert all(re.search(rf"^{name}=\$\{{{name}\}}$", text, re.MULTILINE) for name in needed)


def test_no_reader_of_yaml_takes_a_digest_for_a_number(copied: Path) -> None:
    """`sam build` writes the template anew, without quotes where PyYAML needs none."""
    assert re.fullmatch(r"r[0-9a-f]{12}", release_digest.digest(copied))


def test_names_fit_where_they_are_used(root: Path) -> None:
    """EventBridge takes 64 characters for a rule's name, Lambda 256 for a version's description."""
    release = f"{release_digest.written(root / 'template.yaml')}-{10**4 - 1}-99"
    uuid = "01234567-89ab-cdef-0123-456789abcdef"
    assert len(f"died-{release}-{uuid}") <= 64


def test_a_deploy_is_judged_by_the_alarm_of_its_release_alone(template: dict[str, Any]) -> None:
    preference = template["Resources"]["ClassifyImage"]["Properties"]["DeploymentPreference"]
    alarm = {"Fn::GetAtt": ["Monitoring", "Outputs.ReleaseFailsAlarm"]}
    assert preference["Alarms"] == {"Fn::If": ["HasCanary", [alarm], {"Ref": "AWS::NoValue"}]}
    assert preference["Type"] == {"Fn::If": ["HasCanary", "CANARY", "ALL_AT_ONCE"]}
    assert template["Conditions"]["HasCanary"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "CanaryMinutes"}, 0]}]}


def test_the_alarm_of_a_release_is_not_the_alarm_of_the_one_before(root: Path) -> None:
    """An alarm that is updated keeps its state: one that fires would undo the deploy of the fix."""
    monitoring = yaml_parse((root / "monitoring" / "template.yaml").read_text())["Resources"]
    alarm = monitoring["ReleaseFails"]["Properties"]
    assert "${Release}" in alarm["AlarmName"]["Fn::Sub"]
    own = [query["MetricStat"]["Metric"] for query in alarm["Metrics"] if "MetricStat" in query]
    for metric in own:
        assert re.search("'(Release|WorkflowVersionArn|ReleaseExecutionDied)'", str(metric["Dimensions"])), (
            metric
        )
    assert {"Ref": "Release"} in monitoring["ReleaseExecutionDied"]["Properties"]["Name"]["Fn::Join"][1]
