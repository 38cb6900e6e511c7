"""The confidence that passes without a person: one number for all labels, or one for each."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

DEFAULT: Final = "default"
"""Stands for the labels that are not named."""
_LONGEST_SHOWN: Final = 20


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    The lowest confidence that passes, for each label of a stack.

    Attributes
    ----------
    numbers
        As they are written: by label, and `default` for the labels that are not named.
    labels
        The stack's.
    """

    numbers: Mapping[str, float]
    labels: tuple[str, ...]

    @classmethod
    def parse(cls, text: str, labels: tuple[str, ...]) -> Self:
        """Read `0.8`, or `bicycle=0.9,motorcycle=0.75,default=0.8`; a test holds it to Filter's own reading.

        Raises
        ------
        ValueError
            For anything else; the message continues a sentence that starts with the setting's name.
        """
        if "=" not in text:
            return cls({DEFAULT: parse_number(text)}, labels)
        numbers: dict[str, float] = {}
        for name, number in _pairs(text):
            if name in numbers:
                message = f"names {name[:_LONGEST_SHOWN]!r} twice"
                raise ValueError(message)
            try:
                numbers[name] = parse_number(number)
            except ValueError as error:
                message = f"for {name[:_LONGEST_SHOWN]!r} {error}"
                raise ValueError(message) from None
        return cls.of_numbers(numbers, labels)

    @classmethod
    def of_numbers(cls, numbers: Mapping[str, float], labels: tuple[str, ...]) -> Self:
        """Check that every name is a label, and that every label has a number.

        Raises
        ------
        ValueError
            Where that is not so.
        """
        if DEFAULT in labels:
            message = f"must be one number: a label is named {DEFAULT!r}, which means all other labels"
            raise ValueError(message)
        for name in numbers:
            if name != DEFAULT and name not in labels:
                message = (
                    f"names {name[:_LONGEST_SHOWN]!r}, which is not a label: they are {', '.join(labels)}"
                )
                raise ValueError(message)
        unnamed = [label for label in labels if label not in numbers]
        if unnamed and DEFAULT not in numbers:
            message = f"has no number for {', '.join(unnamed)}: name it, or add {DEFAULT}=NUMBER"
            raise ValueError(message)
        return cls(numbers, labels)

    @property
    def by_label(self) -> dict[str, float]:
        """The number that applies to each label, in the order of the labels."""
        named = {name: number for name, number in self.numbers.items() if name in self.labels}
        return {label: named[label] if label in named else self.numbers[DEFAULT] for label in self.labels}

    @property
    def for_all(self) -> float | None:
        """The number that applies to every label; None where they differ."""
        different = set(self.by_label.values())
        return different.pop() if len(different) == 1 else None

    @property
    def lowest(self) -> float:
        """The lowest of them: below it, nothing passes."""
        return min(self.by_label.values())

    def __str__(self) -> str:
        """Return what `parse` reads, without rounding: `0.8`, or `bicycle=0.9,default=0.8`."""
        if set(self.numbers) == {DEFAULT}:
            return _text(self.numbers[DEFAULT])
        return ",".join(f"{name}={_text(number)}" for name, number in self.numbers.items())


def parse_number(text: str) -> float:
    """Read a number from 0 to 1.

    Raises
    ------
    ValueError
        For anything else.
    """
    try:
        value = float(text) if text.isascii() and "_" not in text else -1.0
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        message = f"must be a number from 0 to 1, not {text[:_LONGEST_SHOWN]!r}"
        raise ValueError(message)
    return value


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for pair in text.split(","):
        name, separator, number = pair.partition("=")
        if not separator or not name.strip():
            message = f"must be a number, or LABEL=NUMBER pairs: {pair[:_LONGEST_SHOWN]!r} is not a pair"
            raise ValueError(message)
        yield name.strip(), number


def _text(number: float) -> str:
    return repr(float(number)).removesuffix(".0")
