"""One request and its response, in the format of SageMaker's Data Capture."""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

UNNAMED_ENDPOINT = "endpoint"
_ENDPOINT_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")  # SageMaker's pattern


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and its response, with the time of the response."""

    endpoint: str
    variant: str
    content_type: str
    image: bytes
    answer: str
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    def record(self) -> dict[str, Any]:
        """Return the record in SageMaker's format: the image in base64, the JSON response as a string."""
        return {
            "captureData": {
                "endpointInput": {
                    "observedContentType": self.content_type,
                    "mode": "INPUT",
                    "data": base64.b64encode(self.image).decode(),
                    "encoding": "BASE64",
                },
                "endpointOutput": {
                    "observedContentType": "application/json",
                    "mode": "OUTPUT",
                    "data": self.answer,
                    "encoding": "JSON",
                },
            },
            "eventMetadata": {
                "eventId": str(uuid.uuid4()),
                "inferenceTime": self.time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            },
            "eventVersion": "0",
        }

    def hour_folder(self, root: Path) -> Path:
        """Return the folder of the hour; names that SageMaker would reject never become a path."""
        name = self.endpoint if _ENDPOINT_NAME.fullmatch(self.endpoint) else UNNAMED_ENDPOINT
        return root / name / self.variant / self.time.strftime("%Y/%m/%d/%H")
