"""What Filter can fail with; Step Functions matches the class names."""


class InvalidPredictionError(Exception):
    """The inferences are not one probability for each label."""


class ParameterUnavailableError(Exception):
    """SSM did not give the live threshold; Filter judges by the deployed one, and the workflow never sees this."""
