"""`scones graph`: the workflow drawn from its definition, and the path that an execution took."""
