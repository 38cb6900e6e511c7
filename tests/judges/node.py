"""Runs the scripts of this folder in Node, with the packages that `make judges` installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import ROOT

HERE: Final = Path(__file__).parent
INSTALLED: Final = ROOT / ".judges"
PACKAGES: Final = INSTALLED / "node" / "node_modules"


def missing() -> str | None:
    """Return why no script can run; None where one can."""
    if shutil.which("node") is None:
        return "Node is not installed"
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    for name, version in wanted.items():
        manifest = PACKAGES / name / "package.json"
        if not manifest.is_file() or json.loads(manifest.read_text())["version"] != version:
            return f"{name} {version} is not installed; `make judges` installs it"
    return None


needs_node = pytest.mark.skipif(missing() is not None, reason=str(missing()))


def run_script(name: str, question: Any, timeout_s: float = 100) -> Any:
    """Run a script of this folder with a JSON document on its standard input; return the document that it writes."""
    ended = subprocess.run(
        ["node", "--stack-size=4000", str(HERE / name)],
        # Node reads standard input as UTF-8; lone surrogates travel escaped.
        input=json.dumps(question),
        env=os.environ | {"NODE_PATH": str(PACKAGES)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    return json.loads(ended.stdout)
