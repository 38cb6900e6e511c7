"""The inference container: image bytes in, class probabilities out."""

import os

# ONNX Runtime 1.31 reports its use to Microsoft unless told not to before it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
