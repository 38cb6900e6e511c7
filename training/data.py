"""Prepare the images: download CIFAR-100, check it, write PNGs and a manifest, add reviewed images.

The folder is written completely or not at all. Its validation images are those that training with the same
--seed holds out of the official training images; its test images are the official ones.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from training.aws import s3_client
from training.command_line import command, start
from training.dataset.archive import OFFICIAL_MD5
from training.dataset.download import OFFICIAL_URL, fetch
from training.dataset.prepare import Plan, Reviews, prepare
from training.dataset.prepared_folder import check_replaceable
from training.dataset.reviewed_images import FolderImages, S3Images
from training.dataset.upload import upload
from training.storage import Address

_EXAMPLES = """\
examples:
  python -m training.data                                  bicycles and motorcycles in build/data/images
  python -m training.data --classes all --upload s3://my-bucket/cifar-100
  python -m training.data --reviewed s3://my-bucket/labels/
  python -m training.data --archive cifar-100-python.tar.gz --md5 e22190e3...

A line of a label file:
  {"image": {"bucket": "b", "key": "incoming/1.jpg", "version_id": "..."}, "label": "bicycle",
   "reviewer": "kim", "time": "2026-08-01T10:00:00Z"}
"image" may be "s3://b/incoming/1.jpg" too, and "label" may be "neither" or "cannot_tell". The newest label of a
reviewer counts. A line whose "id" another line "replaces" does not count. An image with "held_out": true is left out.
"""


@command("data", stopped="stopped; the next run continues a download")
def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return 0 when the folder is complete."""
    options = _parser().parse_args(arguments)
    summary = _run(options)
    print(json.dumps(summary) if options.json else _text(summary))
    return 0


def _run(options: argparse.Namespace) -> dict[str, Any]:
    check_replaceable(options.output)
    target = Address.parse(options.upload) if options.upload else None
    s3 = s3_client() if target or options.reviewed else None
    reviews = _reviews(options, s3) if options.reviewed else None
    archive = options.archive or fetch(options.url, options.cache / "cifar-100-python.tar.gz", options.md5)
    plan = Plan(archive, options.md5, options.classes, options.seed, options.output, reviews)
    summary = {"output": str(options.output), **prepare(plan)}
    if target:
        sent = upload(s3, options.output, target)
        summary["upload"] = {"address": sent.address, "sent": sent.sent, "skipped": sent.skipped}
        if sent.others:
            summary["notices"].append(
                f"{sent.address} holds {sent.others} other objects, which the manifest does not name"
            )
    return summary


def _reviews(options: argparse.Namespace, s3: Any) -> Reviews:  # noqa: ANN401 - a boto3 client
    labels = Address.parse(options.reviewed) if "://" in options.reviewed else Path(options.reviewed)
    if options.reviewed_images:
        return Reviews(labels, s3, FolderImages(options.reviewed_images))
    in_s3 = S3Images(s3)
    return Reviews(labels, s3, in_s3 if isinstance(labels, Address) else FolderImages(labels, in_s3))


def _text(summary: dict[str, Any]) -> str:
    lines = [f"{summary['output']}: {len(summary['classes'])} classes"]
    lines += [f"  {split:<11}{sum(counts.values()):>6} images" for split, counts in summary["images"].items()]
    lines += [f"  notice: {notice}" for notice in summary["notices"]]
    for found in summary["duplicates"]:
        fate = "left out, the same as" if found["left_out"] else "kept, though the same as"
        lines.append(f"  {found['second']}: {fate} {found['first']}")
    if reviewed := summary.get("reviewed"):
        added = ", ".join(f"{count} {label}" for label, count in reviewed["added"].items()) or "nothing"
        lines.append(f"  reviewed: {added} added to train, from {reviewed['votes']} labels")
        if unclear := reviewed["cannot_tell"]:
            lines.append(f"    left out: {unclear} of which nobody could tell what they show")
        if held_out := reviewed["held_out"]:
            lines.append(f"    left out: {held_out} that certify and compare models")
        for conflict in reviewed["conflicts"]:
            said = ", ".join(f"{reviewer}: {label}" for reviewer, label in conflict["labels"].items())
            lines.append(f"    conflict, left out: {conflict['image']}: {said}")
        for problem in (*reviewed["left_out"], *reviewed["bad_lines"]):
            lines.append(f"    left out: {problem['subject']}: {problem['reason']}")
    if sent := summary.get("upload"):
        lines.append(f"  {sent['address']}: {sent['sent']} sent, {sent['skipped']} there already")
    return "\n".join(lines)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.data",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    archive = parser.add_argument_group("the archive")
    archive.add_argument("--archive", type=Path, metavar="PATH", help="a local cifar-100-python.tar.gz")
    archive.add_argument(
        "--md5", default=OFFICIAL_MD5, metavar="SUM", help="its checksum (default: the official)"
    )
    archive.add_argument("--url", default=OFFICIAL_URL, help="else downloaded from (default: %(default)s)")
    archive.add_argument(
        "--cache", type=Path, default=Path("build/data"), metavar="DIR", help="into (default: %(default)s)"
    )
    images = parser.add_argument_group("the images")
    images.add_argument(
        "--classes", default="bicycle,motorcycle", help='of the 100, or "all" (default: %(default)s)'
    )
    images.add_argument("--seed", type=int, default=1, help="of the validation split (default: %(default)s)")
    images.add_argument(
        "--output", type=Path, default=Path("build/data/images"), metavar="DIR", help="default: %(default)s"
    )
    images.add_argument("--upload", metavar="s3://BUCKET/PREFIX", help="also upload the folder there")
    people = parser.add_argument_group("labels by reviewers")
    people.add_argument("--reviewed", metavar="PLACE", help="s3://bucket/labels/ or a folder of .jsonl files")
    people.add_argument(
        "--reviewed-images",
        type=Path,
        metavar="DIR",
        help="read the images only from here, as <key> or <bucket>/<key> (default: beside the labels, then S3)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    return parser


if __name__ == "__main__":
    start(main)
