"""`scones verify`: the acceptance test of a deploy."""
