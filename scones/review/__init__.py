"""`scones review`: decide about images in a terminal, one key each."""
