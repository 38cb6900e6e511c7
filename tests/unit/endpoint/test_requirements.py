"""The container's pins."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_the_container_installs_what_the_lock_file_pins() -> None:
    lock = tomllib.loads((ROOT / "uv.lock").read_text())
    locked = {package["name"]: package.get("version") for package in lock["package"]}
    pinned = dict(
        re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / "endpoint/requirements.txt").read_text(), re.MULTILINE)
    )
    assert {"numpy", "onnxruntime", "pillow", "starlette", "uvicorn"} <= pinned.keys()
    assert pinned == {name: locked[name] for name in pinned}
