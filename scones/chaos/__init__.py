"""`scones chaos`: break the local cloud on purpose."""
