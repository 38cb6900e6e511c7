"""Which keys of the image bucket are images: the stack's ImagePattern and ExcludePrefixes.

The workflow's claim and `sweep.taken` have the same rule; a test holds the three together.
"""

from dataclasses import dataclass
from typing import Final

INCOMING: Final = "incoming/"
"""Left out of a result's key, so that only a pattern that begins with it takes keys below it."""


@dataclass(frozen=True, slots=True)
class ImageKeys:
    """
    The keys that a stack takes.

    Attributes
    ----------
    pattern
        A `*` stands for any text, also across folders; every other character for itself.
    excluded
        Prefixes of keys that are not taken.
    """

    pattern: str = f"{INCOMING}*"
    excluded: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        """What every key begins with: what stands before the first `*`."""
        return self.pattern.partition("*")[0]

    def folder(self, name: str) -> str:
        """Return the prefix of the keys in a folder, below what every key begins with."""
        between = "" if self.prefix.endswith("/") or not self.prefix else "/"
        return f"{self.prefix}{between}{name}"

    def example(self, name: str) -> str:
        """Return a key for a file of this name, or the folder of it where the pattern is a folder and all below it."""
        *folders, last = self.pattern.split("*")
        if len(folders) == 1 and not last and (not self.prefix or self.prefix.endswith("/")):
            return self.prefix
        return f"{'any'.join(folders)}{name}{last}"

    @property
    def unnamed(self) -> str:
        """What is left out where a key is shown or typed: `incoming/`, or nothing."""
        return INCOMING if self.pattern.startswith(INCOMING) else ""

    @property
    def whole_prefix(self) -> str | None:
        """An excluded prefix that every key begins with; None where there is none."""
        return next((one for one in self.excluded if self.prefix.startswith(one)), None)

    @property
    def idle_prefixes(self) -> tuple[str, ...]:
        """The excluded prefixes that no key begins with."""
        return tuple(one for one in self.excluded if not one.startswith(self.prefix[: len(one)]))

    def take(self, key: str) -> bool:
        """Tell whether a key is that of an image."""
        head, *middle, tail = self.pattern.split("*")
        if not (len(key) >= len(head) + len(tail) and key.startswith(head) and key.endswith(tail)):
            return False
        left = key[len(head) : len(key) - len(tail)]
        for part in middle:
            _, found, left = left.partition(part)
            if not found:
                return False
        return (self.unnamed != "" or not key.startswith(INCOMING)) and not key.startswith(self.excluded)

    def __str__(self) -> str:
        """Return `photos/*.jpg without photos/thumbs/`."""
        without = f" without {' and '.join(self.excluded)}" if self.excluded else ""
        return f"{self.pattern}{without}"

    def refusal(self, key: str) -> str | None:
        """Return why an upload under a key would start nothing; None where it would."""
        return None if self.take(key) else f"{key} would start nothing: this stack takes {self}"
