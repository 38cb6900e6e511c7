"""The local cloud: AWS and SageMaker on a laptop, for `scones up`."""
