"""A Lambda function that follows a script of the test for its execution, so that it can fail on purpose.

The script of an execution is an object `<execution name>.json` in the bucket SCRIPTS: for each function a list of
actions, one per attempt, the last one repeated. An action returns a payload, raises an error of a name, or exits.
"""

import json
import os
import uuid
from typing import Any

import boto3

s3 = boto3.client("s3")


def handler(event: dict[str, Any], context: object) -> Any:
    bucket, function = os.environ["SCRIPTS"], os.environ["FUNCTION"]
    execution = event["execution"].rsplit(":", 1)[-1]
    attempts = f"{execution}/{function}/"
    s3.put_object(Bucket=bucket, Key=f"{attempts}{uuid.uuid4()}", Body=json.dumps(event).encode())
    attempt = s3.list_objects_v2(Bucket=bucket, Prefix=attempts)["KeyCount"]
    script = json.loads(s3.get_object(Bucket=bucket, Key=f"{execution}.json")["Body"].read())
    actions = script[function]
    action = actions[min(attempt, len(actions)) - 1]
    if "raise" in action:
        raise type(action["raise"], (Exception,), {})(action["message"])
    if "exit" in action:
        os._exit(action["exit"])
    return action["return"]
