"""`scones export`: what the images have come to, as a file for other tools."""
