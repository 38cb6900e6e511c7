"""`scones show`: all that is known of one image, from its upload to the decisions of people."""
