"""docs/first-deploy.md names commands, options, targets, modules, parameters and paths that exist."""

import json
import re
import shlex
from pathlib import Path

import click
import pytest
from samcli.yamlhelper import yaml_parse

from scones.cli import main
from scones.doctor.account import CONCURRENT_FUNCTIONS


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "first-deploy.md").read_text()


@pytest.fixture(scope="module")
def commands(page: str) -> list[list[str]]:
    """The words of every command line that is shown as a block; a backslash at the end continues a line."""
    blocks = re.sub(r"\\\n +", "", page)
    lines = re.findall(r"^    ([a-z.].*)$", blocks, re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines if "'" not in line]


def options(words: list[str]) -> set[str]:
    return {word for word in words if word.startswith("--")}


def test_every_scones_command_and_option_exists(commands: list[list[str]]) -> None:
    shown = [words for words in commands if words[0] == "scones"]
    assert {"doctor", "verify", "drop", "destroy"} <= {words[1] for words in shown}
    context = click.Context(main)
    for words in shown:
        command = main.get_command(context, words[1])
        assert command is not None, words
        known = {option for parameter in command.params for option in parameter.opts}
        assert options(words) <= known, words


def test_every_make_target_exists(root: Path, commands: list[list[str]]) -> None:
    makefile = (root / "Makefile").read_text()
    targets = [words[1] for words in commands if words[0] == "make"]
    assert "endpoint-image" in targets
    assert [target for target in targets if f"\n{target}:" not in makefile] == []


def test_every_training_command_and_option_exists(root: Path, commands: list[list[str]]) -> None:
    shown = [words for words in commands if words[0].endswith("/python")]
    assert {words[2] for words in shown} == {"training.package", "training.deploy"}
    code = "".join(path.read_text() for path in (root / "training").rglob("*.py"))
    for words in shown:
        assert words[1] == "-m"
        assert (root / f"{words[2].replace('.', '/')}.py").is_file()
        assert [option for option in options(words) if f'"{option}"' not in code] == []


def test_every_parameter_resource_and_output_that_is_named_exists(
    root: Path, page: str, commands: list[list[str]]
) -> None:
    template = yaml_parse((root / "template.yaml").read_text())
    known = {name for section in ("Parameters", "Resources", "Outputs") for name in template[section]}
    (deploy,) = [words for words in commands if words[:2] == ["sam", "deploy"]]
    given = [word.split("=")[0] for word in deploy if "=" in word]
    named = re.findall(r"`(Labels|[A-Z][a-z]+(?:[A-Z][a-z]+)+)`", page)
    assert {"EndpointName"} == set(given)
    assert {"ReviewEmail", "AlertEmail"} <= set(named)
    assert {*given, *named} <= known


def test_enter_answers_every_question_of_a_guided_deploy(root: Path) -> None:
    """SAM takes Enter for a default, and knows none for a NoEcho parameter, whatever the template says."""
    parameters = yaml_parse((root / "template.yaml").read_text())["Parameters"]
    assert [name for name, about in parameters.items() if "Default" not in about or "NoEcho" in about] == []


def test_every_path_and_heading_that_it_links_to_exists(root: Path, page: str) -> None:
    links = re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", page)
    anchors = {
        "#" + re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^## (.*)$", page, re.MULTILINE)
    }
    assert [path for path, _ in links if path and not (root / "docs" / path).exists()] == []
    assert {anchor for path, anchor in links if not path} <= anchors


def test_the_quota_increase_is_the_one_that_the_doctor_names(page: str) -> None:
    assert f"    {CONCURRENT_FUNCTIONS.increase_to(1000)}\n" in page


def test_the_endpoint_s_role_has_what_aws_asks_for_and_sagemaker_alone_takes_it(page: str) -> None:
    """SageMaker Developer Guide, "CreateModel API: Execution Role Permissions"."""
    create, put = (
        shlex.split(block)
        for block in re.findall(
            r"^    (aws iam (?:create-role|put-role-policy)[^`]*?\}')\n", page, re.MULTILINE
        )
    )
    (trust,) = json.loads(create[-1])["Statement"]
    assert (trust["Principal"], trust["Action"]) == ({"Service": "sagemaker.amazonaws.com"}, "sts:AssumeRole")
    granted = [statement["Action"] for statement in json.loads(put[-1])["Statement"]]
    flat = [action for each in granted for action in ([each] if isinstance(each, str) else each)]
    assert sorted(flat) == [
        "cloudwatch:PutMetricData",
        "ecr:BatchCheckLayerAvailability",
        "ecr:BatchGetImage",
        "ecr:GetAuthorizationToken",
        "ecr:GetDownloadUrlForLayer",
        "logs:CreateLogGroup",
        "logs:CreateLogStream",
        "logs:DescribeLogStreams",
        "logs:PutLogEvents",
        "s3:GetObject",
    ]


def test_an_idle_stack_costs_what_the_page_on_capacity_derives(root: Path, page: str) -> None:
    """Nobody uses it yet, so that this is what a first deploy costs."""
    capacity = (root / "docs" / "capacity.md").read_text()
    derived = re.findall(r"\*\*in all\*\* \| \*\*(\$[\d.]+)\*\* \|\n<!-- costs of idling: end", capacity)
    said = re.findall(r"^\|.*\(capacity\.md#idle\).* \| (\$[\d.]+) \| \|$", page, re.MULTILINE)
    assert len(derived) == 1
    assert said == derived
