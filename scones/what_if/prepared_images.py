"""Images as the deployed Serialize prepares them, so that a candidate gets the bytes that production would send it."""

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

from scones.stack import Stack
from scones.what_if.patience import ThrottledError, patiently
from scones.what_if.stored_verdicts import StoredVerdict

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from scones.connection import Connection

_FUNCTION: Final = "Serialize"
_LONGEST_RUN_S: Final = 60
_GONE: Final = "ImageNotFoundError"
_BUSY: Final = "StorageUnavailableError"


class BytesGoneError(Exception):
    """The bytes that were classified are not in the bucket any more."""


class NotClassifiedError(Exception):
    """An image that could not be prepared or classified, while others can; its text is the reason."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The small image that the endpoint gets."""

    data: bytes
    content_type: str


@dataclass(frozen=True, slots=True)
class Serialize:
    """The deployed function; threads may share it."""

    client: "LambdaClient"
    function: str
    bucket: str

    @classmethod
    def of_stack(cls, connection: "Connection", stack: Stack) -> Self:
        """Find the function of a stack."""
        found = connection.cloudformation().describe_stack_resource(
            StackName=stack.name, LogicalResourceId=_FUNCTION
        )
        name = found["StackResourceDetail"]["PhysicalResourceId"]
        return cls(connection.lambda_(_LONGEST_RUN_S), name, stack.image_bucket)

    def prepare(self, image: StoredVerdict) -> Prepared:
        """
        Ask for an image; without an execution in its request, Serialize counts nothing as arrived.

        Raises
        ------
        BytesGoneError
            When its bytes are not there any more.
        NotClassifiedError
            When Serialize fails for another reason.
        """
        request = {
            "bucket": self.bucket,
            "key": image.image_key,
            "etag": image.etag,
            "version_id": image.version_id,
            "size": image.size,
        }
        try:
            answer = patiently(lambda: self._invoke(request))
        except ThrottledError as error:
            raise NotClassifiedError(str(error)) from error
        return Prepared(base64.b64decode(answer["image_data"]), answer["content_type"])

    def _invoke(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self.client.invoke(FunctionName=self.function, Payload=json.dumps(request).encode())
        payload = json.loads(answer["Payload"].read())
        if not answer.get("FunctionError"):
            return dict(payload)
        said = payload if isinstance(payload, dict) else {}
        kind, reason = said.get("errorType"), str(said.get("errorMessage") or payload)
        if kind == _GONE:
            raise BytesGoneError(reason)
        if kind == _BUSY:
            raise ThrottledError(reason)
        raise NotClassifiedError(reason)
