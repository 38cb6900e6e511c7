"""Comparison of the endpoint's predictions in production with those of its evaluation."""
