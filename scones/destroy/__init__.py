"""`scones destroy`: a stack is taken down with everything it made, so that nothing of it is billed any more."""
