"""Event-driven image triage: the `scones` command."""
