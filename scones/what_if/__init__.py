"""`scones what-if`: what another threshold, or another model, would have made of the images of the last days."""
