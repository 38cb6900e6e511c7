"""Measurements; `make bench` runs those that docs/benchmarks.md shows."""
