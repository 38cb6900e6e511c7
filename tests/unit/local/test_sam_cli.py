"""SAM at its libraries' fast settings packs and reads what it would without them."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from samcli.yamlhelper import yaml_parse

from scones.local.sam_cli import QuickZipFile

TEMPLATES = (
    "template.yaml",
    "intake/template.yaml",
    "recovery/template.yaml",
    "review/template.yaml",
    "monitoring/template.yaml",
)


def test_a_file_packed_quickly_holds_the_same_and_takes_less_than_stored(tmp_path: Path) -> None:
    content = b"import json\n" * 1000
    with QuickZipFile(tmp_path / "code.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(zipfile.ZipInfo("app.py"), content, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(tmp_path / "code.zip") as packed:
        assert packed.read("app.py") == content
        assert packed.getinfo("app.py").compress_size < len(content) / 10


@pytest.mark.parametrize("template", TEMPLATES)
def test_both_parsers_read_the_templates_alike(
    root: Path, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (root / template).read_text()
    slowly = yaml_parse(text)
    monkeypatch.setattr(yaml, "SafeLoader", yaml.CSafeLoader)
    assert yaml_parse(text) == slowly


def test_it_is_sams_command_line(root: Path) -> None:
    command = [sys.executable, "-m", "scones.local.sam_cli", "deploy", "--help"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    assert "sam deploy" in done.stdout
