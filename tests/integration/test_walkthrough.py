"""The walk-through notebook runs from the first cell to the last, on small data, and is stored with what it printed.

STORE_WALKTHROUGH=1 writes the outputs of this run into the notebook, as they are to be committed after a change of it.
"""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.cifar_archive import pickles, write
from tests.local_cloud.shell import Shell, ports
from training.learning import train_options

NOTEBOOK = Path("training", "walkthrough.ipynb")
PICTURES = 8
# Carriage returns and escape codes; a bar of tqdm and a spinner of Rich, whose returns Python reads as line ends.
FRAMES = re.compile(r"[\r\x1b]|\d%\|.*\||[\u2800-\u28ff]")


def outputs(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [output for cell in notebook["cells"] for output in cell.get("outputs", [])]


def text_of(output: dict[str, Any]) -> str:
    shown = {**output, **output.get("data", {})}
    return "".join("".join(shown.get(kind, [])) for kind in ("text", "text/plain", "text/markdown"))


def check_outputs(notebook: dict[str, Any]) -> None:
    """Every code cell ran, its pictures are there, and no output has what only a terminal shows."""
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    found = outputs(notebook)
    assert [output for output in found if output["output_type"] == "error"] == []
    assert [text_of(output) for output in found if FRAMES.search(text_of(output))] == []
    assert len([output for output in found if "image/png" in output.get("data", {})]) >= PICTURES
    text = "".join(map(text_of, found))
    assert "pretrain 1/1: loss" in text
    assert re.search(r"(?m)^\s*train +\d+ images$", text)


@pytest.mark.local_cloud
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_notebook_runs(shell: Shell, root: Path, tmp_path: Path) -> None:
    jupyter = root / ".venv-training" / "bin" / "jupyter"
    if not jupyter.exists():
        pytest.skip("training's environment is not there: `make setup-training` makes it")
    archive = write(tmp_path / "archive.tar.gz", pickles())
    digest = subprocess.run(["md5sum", archive], capture_output=True, text=True, check=True).stdout.split()[0]
    settings = {
        "WALKTHROUGH_WORK": str(tmp_path / "work"),
        "WALKTHROUGH_ARCHIVE": str(archive),
        "WALKTHROUGH_MD5": digest,
        "WALKTHROUGH_EPOCHS_PRETRAIN": "1",
        "WALKTHROUGH_EPOCHS": "1",
        "WALKTHROUGH_PORTS": " ".join(ports()),
        # Jupyter keeps its run-time files in the home folder otherwise.
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "SCONES_STATE_DIR": str(shell.state),
    }
    executed = tmp_path / "executed.ipynb"

    done = subprocess.run(
        [jupyter, "execute", root / NOTEBOOK, "--output", executed],
        cwd=root,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=800,  # 190 s on two cores; a busy machine trains as much more slowly
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    assert shell.processes() == []
    check_outputs(json.loads(executed.read_text()))
    if os.environ.get("STORE_WALKTHROUGH"):
        (root / NOTEBOOK).write_text(storable(executed.read_text(), root, tmp_path))


def storable(executed: str, root: Path, tmp_path: Path) -> str:
    """Return the notebook without the paths and the clock of this machine."""
    places = {tmp_path / "work": "build/walkthrough", tmp_path: "build", root: "."}
    for place, name in places.items():
        executed = executed.replace(str(place), name)
    notebook = json.loads(executed)
    notebook["metadata"] = {
        "kernelspec": notebook["metadata"]["kernelspec"],
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    return json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"


def test_the_notebook_is_stored_with_its_outputs(root: Path) -> None:
    raw = (root / NOTEBOOK).read_text()

    check_outputs(json.loads(raw))
    assert re.findall(r"/(?:tmp|home|root|Users|work)/[^\"\\ ]*", raw) == []


def test_the_notebook_trains_as_its_text_says_and_as_the_command_does(root: Path) -> None:
    cells = json.loads((root / NOTEBOOK).read_text())["cells"]
    text, code = (
        "".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == kind)
        for kind in ("markdown", "code")
    )
    defaults = train_options.parse(["--archive", "x"], {}, "")

    said = re.search(r"\((\d+) epochs of pretraining,\s+then (\d+) of fine-tuning", text)
    set_ = re.findall(r'"WALKTHROUGH_EPOCHS\w*", "(\d+)"', code)
    assert said
    assert [*said.groups()] == set_ == [str(defaults.epochs_pretrain), str(defaults.epochs)]
