"""`scones why`: where one image is, what its last error was, and what happens next."""
