"""The inference container: image bytes in, class probabilities out."""

import os

# ONNX Runtime 1.31 sends telemetry to Microsoft unless this is disabled before the import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
