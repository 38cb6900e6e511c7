"""What Filter can fail with; Step Functions matches the class names."""


class InvalidPredictionError(Exception):
    """The inferences are not one probability for each label."""
