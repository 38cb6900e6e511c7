"""Puts the sample images where `events/serialize.json` looks for one, for `sam local invoke` to read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

SAMPLE_BUCKET: Final = "scones-sample-images"


def upload_samples(s3: S3Client, root: Path) -> None:
    """Upload `events/images/*` under `incoming/` of a bucket whose name an event file can know beforehand."""
    s3.create_bucket(Bucket=SAMPLE_BUCKET)
    for image in sorted((root / "events" / "images").glob("*")):
        s3.put_object(Bucket=SAMPLE_BUCKET, Key=f"incoming/{image.name}", Body=image.read_bytes())
