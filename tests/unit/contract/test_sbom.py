"""What a list of packages says is checked; `make sbom` writes the lists."""

import hashlib
import importlib.metadata
import re
from pathlib import Path

import pytest

from tools.components import base_image, native_libraries
from tools.locked import Package
from tools.sbom import disagreements, parts


def package(name: str, version: str) -> Package:
    return Package(name, version, frozenset({"sha256:0"}), None)


def test_a_package_that_is_missing_added_or_another_version_is_named() -> None:
    listed = {"jmespath": "1.1.0", "Pillow": "13.0.0", "six": "1.17.0"}
    document = {"components": [{"name": name, "version": version} for name, version in listed.items()]}
    locked = {"jmespath": "1.1.0", "pillow": "13.0.1", "h11": "0.16.0"}

    found = disagreements(document, [package(name, version) for name, version in locked.items()])

    assert found == ["h11 0.16.0", "pillow 13.0.0", "pillow 13.0.1", "six 1.17.0"]


def test_every_function_and_the_endpoint_is_described(root: Path) -> None:
    templates = [
        (root / name / "template.yaml").read_text() for name in (".", "intake", "review", "recovery")
    ]
    functions = set(re.findall(r"Code(?:Uri)?: (?:\.\./)?functions/(\w+)/", "".join(templates)))

    assert set(parts()) == functions | {"endpoint"}


def test_native_libraries_are_named_with_their_hashes() -> None:
    pillow = importlib.metadata.distribution("pillow")
    found = {entry["name"]: entry["hashes"][0]["content"] for entry in native_libraries(pillow)}
    shipped = {path.name: path for path in Path(str(pillow.locate_file("pillow.libs"))).iterdir()}

    assert found == {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in shipped.items()}
    assert native_libraries(importlib.metadata.distribution("jmespath")) == []


def test_the_image_stands_on_one_known_base(root: Path) -> None:
    dockerfile = (root / "endpoint" / "Dockerfile").read_text()
    base = base_image(dockerfile)

    assert base["hashes"][0]["content"] in base["purl"]
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"${BASE}"}


@pytest.mark.parametrize("base", ["python:3.13-slim", "python:latest", "python@sha256:" + "0" * 64])
def test_a_base_that_may_change_or_has_no_version_is_refused(base: str) -> None:
    with pytest.raises(ValueError, match="pin"):
        base_image(f"ARG BASE={base}\nFROM ${{BASE}}\n")
