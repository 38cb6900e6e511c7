"""For any damage to an image, Serialize returns a valid result or a typed error, within time and memory."""

from typing import Any

import pytest
from hypothesis import given, settings, strategies

from serialize.image import serialize_image
from tests.fuzz import seeds
from tests.fuzz.damage import Damage, damaged, damages
from tests.fuzz.properties import FORMATS, ViolationError, image_outcome, measured, within_bounds

# The same examples each time; `make fuzz` searches for new ones.
CALM = settings(max_examples=150)
SEEDS = seeds.images()
OTHERS = tuple(SEEDS.values())
SIDES = strategies.sampled_from((32, 32, 1, 224, 1024))


@pytest.mark.parametrize("name", SEEDS)
def test_every_seed_is_an_image_that_is_accepted(name: str) -> None:
    assert image_outcome(serialize_image, SEEDS[name]) == "accepted"


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_a_damaged_image_ends_in_an_outcome(kind: str) -> None:
    names = sorted(name for name in SEEDS if name.split()[0] == kind)
    outcomes = set()

    @CALM
    @given(
        name=strategies.sampled_from(names),
        changes=strategies.lists(damages(), min_size=1, max_size=4),
        mend=strategies.sampled_from((True, True, True, False)),
        side=SIDES,
    )
    def holds(name: str, changes: list[Damage], mend: bool, side: int) -> None:
        data = damaged(SEEDS[name], changes, OTHERS, mend=mend)
        with measured() as cost:
            outcomes.add(image_outcome(serialize_image, data, side))
        within_bounds(cost)

    holds()
    # Else the damage is so little, or so great, that nothing was tried.
    assert {"accepted", "CorruptImageError"} <= outcomes


@CALM
@given(
    data=strategies.binary(max_size=300),
    start=strategies.sampled_from(OTHERS),
    kept=strategies.integers(0, 200),
)
def test_junk_ends_in_an_outcome(data: bytes, start: bytes, kept: int) -> None:
    with measured() as cost:
        image_outcome(serialize_image, start[:kept] + data)
    within_bounds(cost)


def answer(**changes: Any) -> dict[str, Any]:
    result = serialize_image(SEEDS["PNG"], 32, 50_000_000)
    return {**result, **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"image_data": "A" * 131_076},
        {"content_type": "image/jpeg"},
        {"width": 31},
        {"original": {"format": "PSD", "width": 48, "height": 40}},
        {"original": {"format": "PNG", "width": 20, "height": 16}},
        {"original": {"format": "PNG", "width": 400, "height": 40}},
        {"original": {"format": "PNG", "width": 40_000, "height": 40_000}},
        {"more": 1},
    ],
)
def test_the_property_sees_a_broken_contract(changes: dict[str, Any]) -> None:
    with pytest.raises(ViolationError):
        image_outcome(lambda *_: answer(**changes), b"")


def test_the_property_sees_untyped_errors_time_and_memory() -> None:
    def fails(*_: Any) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        image_outcome(fails, b"")
    with measured() as cost:
        held = bytearray(b"a" * 60_000_000)
        sum(range(300_000))
    assert len(held) == 60_000_000
    assert cost.seconds > 0
    assert cost.mib == 0 or 50 < cost.mib < 200
    cost.seconds, cost.mib = 3.1, 0
    with pytest.raises(ViolationError, match=r"3\.1 s"):
        within_bounds(cost)
    cost.seconds, cost.mib = 0, 420
    with pytest.raises(ViolationError, match="420 MiB"):
        within_bounds(cost)
