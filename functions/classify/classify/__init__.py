"""Classify: asks the SageMaker endpoint for an image's probabilities and validates the answer."""
