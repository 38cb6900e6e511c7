"""`scones redrive`: start failed images again, from the queue of failed images and from failed/, each once."""
