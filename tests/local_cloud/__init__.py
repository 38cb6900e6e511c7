"""A local cloud under test: started, broken, counted and stopped.

`shell` runs `scones`; `cloud` is the running cloud and its stack; `faults` breaks it; `mailbox` receives the messages
of its topics; `scenario` uploads images and counts their outcomes.
"""
