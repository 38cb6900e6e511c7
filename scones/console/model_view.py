"""The image as the model sees it: Serialize is asked for it, as the workflow asks."""

import base64
import json
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from scones.connection import Connection
from scones.console.previews import ImageRef
from scones.console.state import OpenCloud

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_FUNCTION: Final = "Serialize"
_LONGEST_RUN_S: Final = 60
_PICTURES: Final = frozenset({"image/png", "image/jpeg"})


class NotSerializedError(Exception):
    """Serialize does not make an image of it; the text is its own sentence."""


def read_model_view(cloud: OpenCloud, image: ImageRef, size: int) -> tuple[bytes, str]:
    """Return the picture that Serialize makes for the model, and its content type.

    Without an execution in its request, Serialize counts nothing: the metrics are about images that arrive.

    Raises
    ------
    NotSerializedError
        When it rejects the image, or cannot read it.
    """
    request = {
        "bucket": cloud.stack.image_bucket,
        "key": image.key,
        "etag": image.etag,
        "version_id": image.version_id,
        "size": size,
    }
    answer = cloud.client(_functions).invoke(
        FunctionName=_function_name(cloud), Payload=json.dumps(request).encode()
    )
    payload = json.loads(answer["Payload"].read())
    if answer.get("FunctionError"):
        raise NotSerializedError(str(payload.get("errorMessage") or payload))
    if payload["content_type"] not in _PICTURES:
        message = f"Serialize answered with {payload['content_type']}, which the page does not show"
        raise NotSerializedError(message)
    return base64.b64decode(payload["image_data"]), payload["content_type"]


def _functions(connection: Connection) -> "LambdaClient":
    return connection.lambda_(_LONGEST_RUN_S)


@lru_cache(maxsize=4)
def _function_name(cloud: OpenCloud) -> str:
    found = cloud.client(Connection.cloudformation).describe_stack_resource(
        StackName=cloud.stack.name, LogicalResourceId=_FUNCTION
    )
    return found["StackResourceDetail"]["PhysicalResourceId"]
