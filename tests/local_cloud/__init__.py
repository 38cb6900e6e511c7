"""A local cloud under test: started, broken, counted and stopped.

`shell` runs `scones`; `cloud` holds what it started, and its stack; `faults` breaks it; `mailbox` receives what its
topics send; `outcomes` reads its results; `scenario` drops images and counts the outcome of each.
"""
