"""The model's life: data, training, export and evaluation, each a module with a command line."""

import os

# ONNX Runtime 1.31 reports its use to Microsoft unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
