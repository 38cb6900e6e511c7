"""Images that wait for a person in a local cloud, and what was decided about them."""

from __future__ import annotations

import io
import secrets
from typing import Any

from PIL import Image, ImageDraw

from tests.local_cloud.cloud import LocalCloud
from tests.local_cloud.shell import wait_until
from tests.support import ROOT

SAMPLES = ROOT / "events" / "images"


def sample(name: str) -> bytes:
    """Return one of the sample images."""
    return (SAMPLES / name).read_bytes()


def scone(number: int) -> bytes:
    """Return a picture that the model is not sure about; another one for each number."""
    with Image.open(SAMPLES / "a scone + jam.png") as image:
        picture = Image.new("RGB", image.size, "white")
        picture.paste(image, mask=image.getchannel("A") if image.mode == "RGBA" else None)
    picture = picture.resize((640, 480))
    ImageDraw.Draw(picture).text((8, 8), f"no. {number}", fill="black")
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


def fill_queue(cloud: LocalCloud, images: int) -> list[str]:
    """Upload images that wait for a person then; return their keys, the oldest first."""
    folder = f"incoming/{secrets.token_hex(3)}"  # a console remembers for a while what a page held
    cloud.put_all({f"{folder}/scone {number:02}.jpg": scone(number) for number in range(images)})
    wait_until(lambda: len(waiting(cloud)) == images, lambda: f"only {len(waiting(cloud))} wait", 120)
    return waiting(cloud)


def waiting(cloud: LocalCloud) -> list[str]:
    """Return the keys of the images that wait for a person, the oldest first."""
    return in_state(cloud, "person")


def in_state(cloud: LocalCloud, state: str) -> list[str]:
    """Return the keys of the images that somebody has to handle, the oldest first: `open`, `person` or `record`."""
    found = [item for item in claims(cloud) if item.get("state_shard", "").startswith(f"{state}#")]
    return [
        item["image_key"] for item in sorted(found, key=lambda item: (item["state_since"], item["image_key"]))
    ]


def etag_of(cloud: LocalCloud, key: str) -> str:
    """Return the ETag of the only version of an image."""
    (etag,) = (item["etag"] for item in claims(cloud) if item["image_key"] == key)
    return str(etag)


def claims(cloud: LocalCloud) -> list[dict[str, Any]]:
    """Return all claims; lists and maps as DynamoDB notes them."""
    pages = (
        cloud.client("dynamodb").get_paginator("scan").paginate(TableName=cloud.outputs["ClaimsTableName"])
    )
    return [
        {name: next(iter(value.values())) for name, value in item.items()}
        for page in pages
        for item in page["Items"]
    ]


def decisions(cloud: LocalCloud) -> dict[str, list[str]]:
    """Return the labels that persons gave each image, the oldest first."""
    return {
        item["image_key"]: [entry["M"]["label"]["S"] for entry in item["decisions"]]
        for item in claims(cloud)
        if "decisions" in item
    }


def recorded(cloud: LocalCloud) -> dict[str, str]:
    """Return the label of each image with a reviewed document."""
    found = (key.split("/") for key in result_keys(cloud, "reviewed/"))
    return {"/".join(parts[2:-1]): parts[1] for parts in found}


def result_keys(cloud: LocalCloud, prefix: str) -> list[str]:
    """Return keys of the results bucket; what they name may be moved meanwhile."""
    pages = cloud.client("s3").get_paginator("list_objects_v2")
    found = pages.paginate(Bucket=cloud.outputs["ResultsBucketName"], Prefix=prefix)
    return [item["Key"] for page in found for item in page.get("Contents", [])]
