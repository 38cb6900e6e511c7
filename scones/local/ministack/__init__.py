"""Patches of MiniStack: where AWS does otherwise and this product depends on it. README.md lists them."""
