"""What Sweep can fail with; each ends in the function's error alarm."""

from botocore.exceptions import BotoCoreError, ClientError


class ClaimsUnavailableError(Exception):
    """DynamoDB did not answer for all images asked for, however often."""


class SweepFailedError(Exception):
    """Every image that had to be started or reported could not be."""


OF_ONE_IMAGE = (ClientError, BotoCoreError, ClaimsUnavailableError)
"""What must not end a run: the other images may do better. A bug may."""
