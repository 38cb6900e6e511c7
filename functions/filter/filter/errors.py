"""Errors that Filter raises; Step Functions matches the class names."""


class InvalidPredictionError(Exception):
    """The inferences are not one probability for each label."""


class StoreUnavailableError(Exception):
    """The live threshold or the audit's secret could not be read; Filter continues, so the workflow never sees it."""
