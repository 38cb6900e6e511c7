"""`scones drop`: upload images, wait for their outcomes, and say how each ended."""
