"""`scones cost`: what a stack has cost, from its own metrics and a dated table of prices."""
