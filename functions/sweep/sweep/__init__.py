"""Sweep: restarts images whose event was lost or whose execution ended without an outcome."""
