"""What the endpoint answers in production, against what it answered when it was evaluated."""
