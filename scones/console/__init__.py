"""`scones console`: the pipeline in a browser, served to this machine alone."""
