"""Which keys of the image bucket are images; the workflow's claim and `scones/image_keys.py` have the same rule."""

INCOMING = "incoming/"


def prefix_of(pattern: str) -> str:
    """Return what every key of a pattern begins with: what stands before the first `*`."""
    return pattern.partition("*")[0]


def is_taken(key: str, pattern: str, excluded: tuple[str, ...]) -> bool:
    """
    Tell whether a key is that of an image.

    Parameters
    ----------
    key
        Raw, not URL-encoded.
    pattern
        ImagePattern: a `*` stands for any text. Keys below `incoming/` need a pattern that begins with it.
    excluded
        ExcludePrefixes.
    """
    head, *middle, tail = pattern.split("*")
    if not (len(key) >= len(head) + len(tail) and key.startswith(head) and key.endswith(tail)):
        return False
    left = key[len(head) : len(key) - len(tail)]
    for part in middle:
        _, found, left = left.partition(part)
        if not found:
            return False
    return (head.startswith(INCOMING) or not key.startswith(INCOMING)) and not key.startswith(excluded)
