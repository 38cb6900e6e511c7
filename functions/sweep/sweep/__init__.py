"""Sweep: brings images to their outcome whose event was lost or whose execution died."""
