"""Review: one image after the other, decided with one key each, without a word of what the model said before."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scones.console.desk import NotHeldError, ReviewDesk
from scones.console.page import Page, render, state_of
from scones.decisions.decision import CANNOT_TELL, NEITHER
from scones.decisions.review_errors import (
    DecidedByOtherError,
    DecisionNotWrittenError,
    DecisionUnknownError,
    LeaseLostError,
    NotAllowedError,
    NotWaitingError,
    ReviewError,
)

type Answer = Mapping[str, Any] | None
_CONFLICT: Final = 409
_OWN_KEYS: Final = {"n": NEITHER, "c": CANNOT_TELL}
_TAKEN: Final = frozenset({*_OWN_KEYS, "a", "s", "u", "z"})
_MOST: Final = 8
_KINDS: Final[tuple[tuple[type[ReviewError], str], ...]] = (
    # The first that fits. `lost`: another image is next; `unwritten`, `unknown`, `denied`: the page sends it again.
    (DecisionUnknownError, "unknown"),
    (DecisionNotWrittenError, "unwritten"),
    (NotAllowedError, "denied"),
    (DecidedByOtherError, "lost"),
    (LeaseLostError, "lost"),
    (NotWaitingError, "lost"),
    (NotHeldError, "lost"),
)


def show(request: Request) -> Response:
    """Show the page; its script takes the first images."""
    labels = state_of(request).cloud().stack.labels
    keys = keys_of(labels)
    return render(
        request, "review.html", {"data": {"keys": keys_by_name(keys)}, "choices": choices(labels, keys)}
    )


def keys_of(labels: tuple[str, ...]) -> Mapping[str, list[str]]:
    """Return the keys of each label: its number, and its first letter where no other has that."""
    letters = [label[0].lower() for label in labels]
    return {
        label: [
            *([str(number)] if number <= 9 else []),  # noqa: PLR2004 (the keys with a digit)
            *([letter] if letters.count(letter) == 1 and letter.isalpha() and letter not in _TAKEN else []),
        ]
        for number, (label, letter) in enumerate(zip(labels, letters, strict=True), 1)
    }


def keys_by_name(keys: Mapping[str, list[str]]) -> Mapping[str, str]:
    """Return the label of each key, for the script."""
    return {key: label for label, some in keys.items() for key in some} | _OWN_KEYS


def choices(labels: tuple[str, ...], keys: Mapping[str, list[str]]) -> list[tuple[str, str, list[str]]]:
    """Return label, words and keys of each button."""
    own = [(NEITHER, "Neither", ["n"]), (CANNOT_TELL, "Cannot tell", ["c"])]
    return [*((label, label, keys[label]) for label in labels), *own]


type Action = Callable[[ReviewDesk, str, Mapping[str, Any]], Answer]


def asked(path: str, action: Action) -> Route:
    """Route what the page asks of the desk; what a reviewer can meet is answered as a sentence and its kind."""

    async def endpoint(request: Request) -> Response:
        content = await request.json()
        return await run_in_threadpool(answer, request.app.state.desk, action, content)

    return Route(path, endpoint, methods=["POST"])


def answer(desk: ReviewDesk, action: Action, content: Mapping[str, Any]) -> Response:
    """Let the desk do what a page asks."""
    try:
        return JSONResponse(action(desk, str(content["page"]), content) or {})
    except ReviewError as error:
        kind = next((name for of, name in _KINDS if isinstance(error, of)), "refused")
        return JSONResponse({"problem": error.message, "kind": kind}, _CONFLICT)


PAGE = Page(
    "Review",
    "/review",
    (
        Route("/review", show),
        asked("/review/take", lambda desk, page, said: desk.take(page, min(int(said["images"]), _MOST))),
        asked("/review/count", lambda desk, page, _said: desk.count(page)),
        asked(
            "/review/decide",
            lambda desk, page, said: desk.decide(page, said["id"], said["label"], int(said["took_ms"])),
        ),
        asked("/review/verdict", lambda desk, page, said: desk.verdict(page, said["id"])),
        asked("/review/burst", lambda desk, page, said: desk.burst(page, said["id"])),
        asked("/review/gone", lambda desk, page, said: desk.gone(page, said["id"])),
        asked("/review/skip", lambda desk, page, said: desk.skip(page, said["id"])),
        asked("/review/release", lambda desk, page, said: desk.release(page, said["id"])),
        asked("/review/undo", lambda desk, page, said: desk.undo(page, said["id"])),
        asked("/review/renew", lambda desk, page, _said: desk.renew(page)),
        asked("/review/leave", lambda desk, page, _said: desk.leave(page)),
    ),
)
