"""The model's life cycle: data, training, evaluation and release, each a module with a command line."""

import os

# ONNX Runtime 1.31 sends telemetry to Microsoft unless this is disabled before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
