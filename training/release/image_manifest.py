"""The form of an image's manifest: SageMaker takes Docker's own and refuses OCI's.

CreateModel answers "Unsupported manifest media type application/vnd.oci.image.manifest.v1+json" (aws/
amazon-sagemaker-feedback#180). Docker with the containerd image store writes OCI manifests unless it is told not
to, and pushes what it has written.
"""

from __future__ import annotations

import json
from typing import Any

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
# The docker exporter loads the image whatever the builder's driver, and an image with attestations would be an index
# (docs.docker.com, "OCI and Docker exporters" and "Build attestations").
BUILD_OPTIONS = ("--provenance=false", "--output", "type=docker,oci-mediatypes=false")


class ManifestError(Exception):
    """SageMaker would refuse the image; the message is one line for a person."""


def check_media_type(media_type: str | None, image: str) -> None:
    """Raise ManifestError, with what to do, unless SageMaker takes an image of this media type."""
    if media_type != DOCKER_MANIFEST:
        raise ManifestError(
            f"{image} has a manifest of type {media_type or 'unknown'}, which SageMaker refuses; it takes "
            f"{DOCKER_MANIFEST}: install docker buildx and build the image anew, or switch off Docker's containerd "
            "image store, and push it under another --tag"
        )


def local_media_type(inspected: str) -> str | None:
    """Return the media type in what `docker image inspect` prints, None where the image store has none.

    Only the containerd store has manifests before the push, and says so from Docker 28 on; the older store's
    pushes are always in Docker's own format.
    """
    try:
        (image,) = json.loads(inspected)
    except ValueError:
        return None
    descriptor = image.get("Descriptor") or {}
    media_type: str | None = descriptor.get("mediaType")
    return media_type


def pushed_media_type(ecr: Any, repository: str, tag: str) -> str | None:  # noqa: ANN401 - boto3 makes its classes
    """Return the media type that ECR holds the image in.

    Not through BatchGetImage: by tag, that converts an OCI manifest for who asks for Docker's (Amazon ECR user
    guide, "Container image manifest format support in Amazon ECR").
    """
    answer = ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
    (image,) = answer["imageDetails"]
    media_type: str | None = image.get("imageManifestMediaType")
    return media_type
