"""Runs the command as ``python -m scones``."""

from scones.cli import main

main(prog_name="scones")
