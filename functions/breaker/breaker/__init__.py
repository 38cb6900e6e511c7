"""Breaker: holds images back while the stack is paused, and starts those that were held afterwards."""
