"""Errors that Filter raises; Step Functions matches the class names."""


class InvalidPredictionError(Exception):
    """The inferences are not one probability for each label."""


class ParameterUnavailableError(Exception):
    """The live threshold could not be read; Filter uses the deployed one, so the workflow never sees this error."""
