"""The walk-through notebook runs from the first cell to the last, on small data."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.integration.conftest import Shell, ports
from tests.unit.training.conftest import pickles, write

pytestmark = [pytest.mark.local_cloud, pytest.mark.slow]


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
        [jupyter, "execute", root / "training" / "walkthrough.ipynb", "--output", executed],
        cwd=root,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-3000:]
    cells = json.loads(executed.read_text())["cells"]
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    text = "".join("".join(output.get("text", [])) for output in outputs)
    assert len(pictures) >= 8
    assert "12 images" in text or "6 images" in text
    assert shell.processes() == []


def test_the_notebook_is_committed_without_outputs(root: Path) -> None:
    cells = json.loads((root / "training" / "walkthrough.ipynb").read_text())["cells"]

    assert [cell for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []
