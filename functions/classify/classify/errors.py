"""Errors that Classify raises; Step Functions matches the class names."""


class EndpointThrottledError(Exception):
    """The endpoint receives more requests than it accepts: retryable."""


class EndpointUnavailableError(Exception):
    """The endpoint is starting, failing or unreachable: retryable."""


class EndpointPausedError(Exception):
    """The breaker is open: the image waits until the endpoint answers again, and nothing is retried."""


class EndpointNotFoundError(Exception):
    """There is no endpoint with this name: one must be deployed."""


class InvalidPredictionError(Exception):
    """The endpoint's response is not a probability for each label: permanent."""


class InvalidRequestError(ValueError):
    """The request has no valid image: an error of the workflow, not of the photo."""
