"""What keeps a destroy from its end."""

from scones.errors import SconesError


class NotDestroyedError(SconesError):
    """Something could not be deleted: its message says what and why. Exit code 1."""

    exit_code = 1
