"""The draw of the audit: uniform, the same for the same bytes, and never in the way of an image."""

import hashlib
import hmac
from collections import Counter

import pytest
from hypothesis import given, strategies

from filter.draw import RETRY_S, Lottery, fraction
from filter.errors import StoreUnavailableError
from filter.settings import Settings

KEY, ETAG = "incoming/a b+c%25/ü.jpg", "d41d8cd98f00b204e9800998ecf8427e"


class Store:
    def __init__(self, *answers: str | Exception) -> None:
        self.answers, self.asked = list(answers), 0

    def get(self, name: str) -> str:
        assert name == "arn:secret"
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def lottery(store: Store | None, share: float = 0.5, now: list[float] | None = None) -> Lottery:
    settings = Settings(("a", "b"), {"a": 0.8, "b": 0.8}, audit_share=share, audit_secret="arn:secret")
    clock = now or [0.0]
    return Lottery(store, settings, lambda: clock[0])


def test_the_fraction_is_the_start_of_an_hmac() -> None:
    digest = hmac.new(b"s3cret", f"{KEY}\n{ETAG}".encode(), hashlib.sha256).digest()
    wanted = int(f"{int.from_bytes(digest):0256b}"[:53], 2) / 2**53
    assert fraction("s3cret", KEY, ETAG) == wanted


@given(strategies.text(), strategies.text())
def test_every_key_has_a_fraction_below_one(key: str, secret: str) -> None:
    secret = secret.encode("utf-8", "ignore").decode()
    assert 0 <= fraction(secret, key, ETAG) < 1


def test_fractions_are_uniform_and_differ_by_key_bytes_and_secret() -> None:
    cells = Counter(int(20 * fraction("s", f"incoming/{number}.jpg", ETAG)) for number in range(20_000))
    chi_square = sum((cells[cell] - 1000) ** 2 / 1000 for cell in range(20))
    assert chi_square < 43.8  # of 19 degrees of freedom, 0.1 %; the keys are always the same
    assert len({fraction(s, k, e) for s in "ab" for k in ("k", "l") for e in ("e", "f")}) == 8


def test_what_is_drawn_has_its_fraction_as_text_that_reads_back_exactly() -> None:
    drawn = [lottery(Store("s"), 0.02).draw(f"incoming/{number}.jpg", ETAG) for number in range(2000)]
    fractions = [one["u"] for one in drawn if one]
    assert 20 < len(fractions) < 65
    for number, one in enumerate(drawn):
        u = fraction("s", f"incoming/{number}.jpg", ETAG)
        assert one == ({"u": f"{u:.16f}"} if u < 0.02 else {})


def test_a_share_of_one_draws_everything_and_zero_asks_for_no_secret() -> None:
    assert "u" in lottery(Store("s"), 1.0).draw(KEY, ETAG)
    store = Store("s")
    assert lottery(store, 0.0).draw(KEY, ETAG) == {}
    assert lottery(None, 1.0).draw(KEY, ETAG) == {}
    assert store.asked == 0


def test_images_of_scones_verify_are_not_drawn_for_nobody_is_asked_about_them() -> None:
    assert lottery(Store("s"), 1.0).draw("incoming/scones-verify/20261127T120000Z-1/a.png", ETAG) == {}
    assert "u" in lottery(Store("s"), 1.0).draw("incoming/scones-verify-2/a.png", ETAG)


def test_the_secret_is_read_once() -> None:
    store = Store("s")
    draws = lottery(store, 1.0)
    for number in range(5):
        draws.draw(f"incoming/{number}", ETAG)
    assert store.asked == 1


def test_an_image_whose_draw_cannot_be_made_says_why_and_the_secret_is_asked_for_again_later() -> None:
    store, now = Store(StoreUnavailableError("AccessDeniedException: no"), "s"), [1000.0]
    draws = lottery(store, 1.0, now)
    missed = {"draw_missed": "secret arn:secret: AccessDeniedException: no"}
    assert draws.draw(KEY, ETAG) == missed
    now[0] += RETRY_S - 1
    assert draws.draw(KEY, ETAG) == missed
    assert store.asked == 1
    now[0] += 2
    assert "u" in draws.draw(KEY, ETAG)


@pytest.mark.parametrize("backwards", [10.0, 1e6])
def test_a_clock_that_was_set_back_does_not_keep_the_secret_away(backwards: float) -> None:
    store, now = Store(StoreUnavailableError("no"), "s"), [2e6]
    draws = lottery(store, 1.0, now)
    draws.draw(KEY, ETAG)
    now[0] -= backwards
    assert "u" in draws.draw(KEY, ETAG)


@pytest.mark.parametrize(("key", "etag"), [(None, ETAG), (KEY, None), ("", ETAG)])
def test_a_request_that_does_not_name_its_image_is_a_missed_draw(key: str | None, etag: str | None) -> None:
    assert "does not name the image" in lottery(Store("s"), 1.0).draw(key, etag)["draw_missed"]
