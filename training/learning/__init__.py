"""Training of the network: architecture, curriculum, calibration, export."""
