"""What Classify can fail with; Step Functions matches the class names."""


class EndpointThrottledError(Exception):
    """The endpoint has more requests than it takes: worth a retry."""


class EndpointUnavailableError(Exception):
    """The endpoint is starting, failing or unreachable: worth a retry."""


class EndpointNotFoundError(Exception):
    """There is no endpoint of this name: somebody must deploy one."""


class InvalidPredictionError(Exception):
    """The endpoint answered, but not with a probability for each label, and would do so again."""


class InvalidRequestError(ValueError):
    """The request carries no image: a fault of the workflow, not of the photo."""
