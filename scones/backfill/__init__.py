"""`scones backfill`: classify images that were in the bucket before the workflow was."""
