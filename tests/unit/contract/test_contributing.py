"""What contributors are given runs what the project runs: the CI workflow, the hooks, the forms."""

import os
import re
from pathlib import Path

from samcli.yamlhelper import yaml_parse


def test_ci_runs_the_script_that_developers_run(root: Path) -> None:
    workflow = yaml_parse((root / ".github" / "workflows" / "ci.yml").read_text())
    (job,) = workflow["jobs"].values()
    assert [step["run"] for step in job["steps"] if "run" in step] == [".ci/run"]
    assert os.access(root / ".ci" / "run", os.X_OK)
    assert workflow["permissions"] == {"contents": "read"}


def test_actions_are_pinned_by_commit(root: Path) -> None:
    text = (root / ".github" / "workflows" / "ci.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []
    assert "secrets." not in text


def test_hooks_call_what_make_lint_calls(root: Path) -> None:
    (repository,) = yaml_parse((root / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local"
    makefile = (root / "Makefile").read_text()
    for hook in repository["hooks"]:
        words = hook["entry"].split()
        assert words[0] in makefile, hook["id"]
        assert [word for word in words if word.startswith("tests/") and not (root / word).exists()] == []


def test_issue_forms_say_what_they_ask_for(root: Path) -> None:
    forms = [path for path in (root / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"]
    assert len(forms) == 2
    for path in forms:
        form = yaml_parse(path.read_text())
        assert form["name"]
        assert form["description"]
        asked = [field for field in form["body"] if field["type"] != "markdown"]
        assert all(field["attributes"]["label"] for field in asked)
        assert any(field.get("validations", {}).get("required") for field in asked)
