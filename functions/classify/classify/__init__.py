"""Classify: invokes the SageMaker endpoint with an image and validates the probabilities that it returns."""
