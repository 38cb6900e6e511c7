"""The model as a package, an endpoint and a training job on SageMaker."""
