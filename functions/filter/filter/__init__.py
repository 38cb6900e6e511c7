"""Filter: decides whether a classified image passes or needs a human review."""
