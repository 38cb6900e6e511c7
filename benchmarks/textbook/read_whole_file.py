"""The textbook's first function: the whole file in base64, through a file in /tmp."""

import base64
from pathlib import Path
from typing import Any

import boto3

s3 = boto3.client("s3")
FILE = Path("/tmp/image")  # noqa: S108 - as in the textbook


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Return the bytes of the object in base64."""
    s3.download_file(event["bucket"], event["key"], str(FILE))
    return {"bucket": event["bucket"], "key": event["key"], "image_data": in_base64(FILE)}


def in_base64(file: Path) -> str:
    """Return a file in base64."""
    return base64.b64encode(file.read_bytes()).decode()
