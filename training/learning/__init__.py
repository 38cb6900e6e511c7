"""How the network learns: its shape, its curriculum, its calibration, its export."""
