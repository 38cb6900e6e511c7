"""The textbook's second function: the endpoint is asked through the SageMaker SDK."""

import base64
import json
import os
from typing import Any

from sagemaker.predictor import Predictor
from sagemaker.serializers import IdentitySerializer

predictor = Predictor(os.environ["ENDPOINT_NAME"], serializer=IdentitySerializer("image/png"))


def handler(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Add the probabilities of the image to the event."""
    answer = predictor.predict(base64.b64decode(event["image_data"]))
    return event | {"inferences": json.loads(answer)}
