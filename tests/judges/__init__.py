"""Checks by independent programs: `make judges` installs them and runs these tests.

They answer a question that tests of our own cannot: whether the emulator, the policies' evaluator and the readers of
the definitions that the other tests rely on agree with independent implementations. Without Node, without the packages
or without the second workflow engine, the tests skip with the reason.
"""
