"""Decisions of people: the queue, leases, and what `scones review` and the console write."""
