"""Package a model for release: model.tar.gz with the ONNX file, its metrics and its baseline.

python -m training.package --metrics metrics.json --upload s3://bucket/models
"""

from __future__ import annotations

import argparse
from pathlib import Path

from endpoint.predictor import SHIPPED_MODEL
from training.aws import aws_errors, s3_client
from training.command_line import command, start
from training.release.model_archive import build
from training.storage import Address, explained, put_once

FILE = "model.tar.gz"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.package",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model", type=Path, default=SHIPPED_MODEL, help="an .onnx file (default: the shipped)"
    )
    parser.add_argument("--output", type=Path, default=Path("build") / FILE, help="default: %(default)s")
    parser.add_argument("--metrics", type=Path, help="the output of training.evaluate --json for this model")
    parser.add_argument("--baseline", type=Path, help="the baseline for monitoring, as JSON")
    parser.add_argument(
        "--upload",
        metavar="S3_URI",
        help=f"also write s3://bucket/prefix/<version>/{FILE}, which is never overwritten",
    )
    parser.add_argument("--region", help="default: the one that boto3 finds")
    return parser


def upload(archive: bytes, version: str, prefix: Address, region: str | None) -> str:
    """Upload the archive below the prefix, under its version; return its address."""
    key = f"{prefix.prefix}{version}/{FILE}"
    uri = f"s3://{prefix.bucket}/{key}"
    try:
        new = put_once(s3_client(region), archive, prefix.bucket, key)
    except aws_errors() as error:
        raise explained(error, f"cannot write {uri}") from error
    print(f"{uri}: {'written' if new else 'already there, identical'}")
    return uri


def write(archive: bytes, output: Path) -> None:
    """Write the file completely or not at all."""
    output.parent.mkdir(parents=True, exist_ok=True)
    unfinished = output.with_name(output.name + ".partial")
    try:
        unfinished.write_bytes(archive)
        unfinished.replace(output)
    finally:
        unfinished.unlink(missing_ok=True)


@command("package")
def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    options = _parser().parse_args(arguments)
    prefix = Address.parse(options.upload) if options.upload else None
    archive, version = build(options.model, options.metrics, options.baseline)
    write(archive, options.output)
    print(f"{options.output}: model {version}, {len(archive) / 1e6:.2f} MB")
    if prefix:
        uri = upload(archive, version, prefix, options.region)
        print(f"release it: python -m training.deploy --endpoint-name NAME --model-data {uri} ...")
    return 0


if __name__ == "__main__":
    start(main)
