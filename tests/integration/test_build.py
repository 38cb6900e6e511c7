"""What `sam build` makes is small: a Lambda's cold start pays for every megabyte."""

import shutil
from pathlib import Path

import pytest

from tests.integration.conftest import LocalCloud

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
