"""Filter: decides whether a classified image passes or goes to a person."""
