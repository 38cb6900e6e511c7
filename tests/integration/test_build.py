"""What `sam build` makes is small, for a Lambda's cold start pays for every megabyte, and holds what is locked."""

import importlib.metadata
import shutil
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from tests.local_cloud.cloud import LocalCloud
from tools.locked import locked_packages

pytestmark = pytest.mark.local_cloud


@pytest.mark.parametrize(("function", "limit_mb"), [("Serialize", 16), ("Classify", 2), ("Filter", 2)])
def test_a_package_ships_no_heavy_friends(
    cloud: LocalCloud, root: Path, tmp_path: Path, function: str, limit_mb: int
) -> None:
    build = root / ".aws-sam" / "build" / function

    package = Path(shutil.make_archive(str(tmp_path / function), "zip", build))

    assert package.stat().st_size <= limit_mb * 1_000_000
    shipped = {path.name for path in build.iterdir()}
    assert not shipped & {
        "boto3",
        "botocore",
        "numpy",
        "onnxruntime",
        "sagemaker",
        "pydantic",
        "aws_xray_sdk",
    }


@pytest.mark.parametrize("function", ["Serialize", "Classify", "Filter", "Recovery/Sweep"])
def test_a_package_ships_our_code_what_is_locked_and_nothing_else(
    cloud: LocalCloud, root: Path, function: str
) -> None:
    build = root / ".aws-sam" / "build" / function
    source = root / "functions" / build.name.lower()
    installed = list(importlib.metadata.distributions(path=[str(build)]))
    ours = {str(path.relative_to(source)) for path in (*source.rglob("*.py"), source / "requirements.txt")}
    theirs = {str(file) for package in installed for file in package.files or ()}
    shipped = {str(path.relative_to(build)) for path in build.rglob("*") if path.is_file()}

    assert {(canonicalize_name(package.name), package.version) for package in installed} == {
        (package.name, package.version) for package in locked_packages(source / "requirements.txt")
    }
    assert shipped - theirs == ours
