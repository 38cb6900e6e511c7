"""How a threshold is written: one number for all labels, or one for each label and a default for the rest."""

from collections.abc import Iterator, Mapping, Sequence

DEFAULT = "default"
SHOWN = 20  # characters of a wrong value


def parse_thresholds(text: str, labels: Sequence[str]) -> dict[str, float]:
    """
    Parse `0.8`, or `bicycle=0.9,motorcycle=0.75,default=0.8`.

    Parameters
    ----------
    text
        One number, or NAME=NUMBER pairs with commas between; `default` applies to the labels that are not named.
    labels
        The classes of the stack.

    Returns
    -------
    dict[str, float]
        The lowest confidence that passes, 0 to 1, for each label, in the order of the labels.

    Raises
    ------
    ValueError
        For anything else; the message continues a sentence that starts with the setting's name.
    """
    if "=" not in text:
        return dict.fromkeys(labels, parse_number(text))
    numbers: dict[str, float] = {}
    for name, number in _pairs(text):
        if name in numbers:
            raise ValueError(f"names {name[:SHOWN]!r} twice")
        try:
            numbers[name] = parse_number(number)
        except ValueError as error:
            raise ValueError(f"for {name[:SHOWN]!r} {error}") from None
    return for_labels(numbers, labels)


def parse_number(text: str) -> float:
    """
    Parse a number from 0 to 1 as people write it: `0.8`, `.8`, `8e-1`, with surrounding space.

    Nothing is guessed: `0,8`, `80%` and `0_8` are not accepted.

    Raises
    ------
    ValueError
        For anything else; the message continues a sentence that starts with the setting's name.
    """
    try:
        threshold = float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        threshold = -1.0
    if not 0 <= threshold <= 1:
        raise ValueError(f"must be a number from 0 to 1, not {text[:SHOWN]!r}")
    return threshold


def for_labels(numbers: Mapping[str, float], labels: Sequence[str]) -> dict[str, float]:
    """
    Apply the default to the labels that are not named.

    Raises
    ------
    ValueError
        When a name is not a label, a label has no number, or a label is itself named "default".
    """
    if DEFAULT in labels:
        raise ValueError(f"must be one number: a label is named {DEFAULT!r}, which means all other labels")
    for name in numbers:
        if name != DEFAULT and name not in labels:
            raise ValueError(f"names {name[:SHOWN]!r}, which is not a label: they are {', '.join(labels)}")
    unnamed = [label for label in labels if label not in numbers]
    if unnamed and DEFAULT not in numbers:
        raise ValueError(f"has no number for {', '.join(unnamed)}: name it, or add {DEFAULT}=NUMBER")
    return {label: numbers[label if label in numbers else DEFAULT] for label in labels}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split(","):
        name, separator, number = pair.partition("=")
        if not separator or not name.strip():
            raise ValueError(f"must be a number, or LABEL=NUMBER pairs: {pair[:SHOWN]!r} is not a pair")
        yield name.strip(), number
