"""The funnel that all commands share, and that there is no way around it."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from endpoint.errors import ModelFileError
from training.__main__ import COMMANDS, main
from training.command_line import command
from training.errors import ReleaseError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[3]
NEEDS = {"train": "torch", "improve": "torch"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted((ROOT / "training").rglob("*.py")):
        yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def failing(error: BaseException, **options: object) -> int:
    def run() -> int:
        raise error

    return command("deploy", **options)(run)()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (StorageError("s3://a: NoSuchBucket:\n  create it"), "s3://a: NoSuchBucket: create it"),
        (ModelFileError("model.onnx is\ndamaged"), "model.onnx is damaged"),
        (
            FileNotFoundError(2, "No such file", "model.onnx"),
            "model.onnx: No such file; check the path, or choose another",
        ),
        (TimeoutError("endpoint x is still Creating"), "endpoint x is still Creating"),
    ],
)
def test_an_error_is_one_line_and_code_1(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failing(error) == 1
    assert capsys.readouterr().err == f"training.deploy: {line}\n"


def test_an_error_of_awss_library_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    exceptions = pytest.importorskip("botocore.exceptions", reason="botocore is not installed")
    assert failing(exceptions.NoCredentialsError()) == 1
    assert capsys.readouterr().err == "training.deploy: Unable to locate credentials\n"


def test_a_command_chooses_its_code_and_what_else_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(ReleaseError("no"), failed=2) == 2
    assert failing(ValueError("sagemaker-core refuses"), also=(ValueError,)) == 1


def test_ctrl_c_says_what_a_second_run_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert failing(KeyboardInterrupt(), stopped="stopped; run it again to continue") == 130
    assert capsys.readouterr().err == "training.deploy: stopped; run it again to continue\n"


def test_a_bug_keeps_its_traceback() -> None:
    with pytest.raises(ValueError, match="a bug"):
        failing(ValueError("a bug"))


def test_sigterm_ends_a_command_as_ctrl_c_does() -> None:
    code = (
        "import sys, time\nfrom training.command_line import command, start\n"
        "@command('data')\ndef main():\n    print('ready', flush=True)\n    time.sleep(60)\n    return 0\nstart(main)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30) == ("", "training.data: stopped\n")
    assert process.returncode == 130


def test_every_module_with_a_command_line_is_listed_and_in_the_funnel() -> None:
    found = {}
    for name, tree in modules():
        mains = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]
        if mains and not name.endswith("__main__.py"):
            names = [
                decorator.args[0].value
                for decorator in mains[0].decorator_list
                if isinstance(decorator, ast.Call) and isinstance(decorator.args[0], ast.Constant)
            ]
            found[name.removeprefix("training/").removesuffix(".py")] = names
    assert found == {name: [name] for name in COMMANDS}


@pytest.mark.parametrize("name", COMMANDS)
def test_both_spellings_of_a_command_are_one(name: str) -> None:
    if name in NEEDS and not find_spec(NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not installed: training has an environment of its own")
    words = ([f"training.{name}"], ["training", name])
    long, short = (
        subprocess.run(
            [sys.executable, "-m", *module, "--help"],
            cwd=ROOT,
            env=os.environ | {"COLUMNS": "80"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for module in words
    )
    assert long == short
    assert long.startswith(f"usage: python -m training.{name} ")


def test_an_unknown_command_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["deplyo"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "'deplyo'" in line
    assert "deploy" in line


def test_without_a_command_all_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in listed] == []


def test_a_package_that_is_missing_is_one_line() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from training.__main__ import main; sys.exit(main(['evaluate']))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == (
        "training.evaluate: numpy is not installed: run it in the environment that `make setup-training` creates\n"
    )


def test_there_is_one_base_of_errors() -> None:
    strangers = [
        f"{name}: {node.name}"
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and node.name != "TrainingError"
        and {ast.unparse(base) for base in node.bases}
        & {"Exception", "ValueError", "RuntimeError", "OSError"}
    ]
    assert strangers == []


def test_there_is_one_way_to_aws() -> None:
    called = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func)
        in ("boto3.client", "boto3.resource", "boto3.Session", "boto3.session.Session")
    }
    assert called == {"training/aws.py"}
