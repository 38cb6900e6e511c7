"""`scones doctor`: what an account, an endpoint and a stack are like, and what to do about it."""
