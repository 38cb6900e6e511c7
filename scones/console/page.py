"""What a page of the console is: routes, a place in the menu, and a template that extends base.html."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import BaseRoute
from starlette.templating import Jinja2Templates

from scones.console.previews import ImageRef, PreviewSize
from scones.console.state import ConsoleState, OpenCloud, sentence_of

MAX_KEY_BYTES: Final = 1024
FOLDER: Final = Path(__file__).parent
_TEMPLATES: Final = Jinja2Templates(FOLDER / "templates")
_MAIN: Final = '<main id="main"'


@dataclass(frozen=True, slots=True)
class Page:
    """A page; to add one, write a module in `pages/` with a `PAGE`, and name it in `pages/__init__.py`.

    Attributes
    ----------
    title
        Its name in the menu; None for a page that others link to.
    path
        Its address.
    routes
        The page itself and what it asks for. Their endpoints are plain functions, which run in threads:
        they may wait for AWS, and AWS's errors become a sentence (see `web.py`).
    """

    title: str | None
    path: str
    routes: Sequence[BaseRoute]


def state_of(request: Request) -> ConsoleState:
    """Return what the pages share."""
    state: ConsoleState = request.app.state.console
    return state


def render(request: Request, template: str, content: Mapping[str, Any], status: int = 200) -> Response:
    """Render a template; `data` in the content becomes the JSON that the page's script reads with `pageData()`."""
    context = {**_frame(request), **content}
    return _TEMPLATES.TemplateResponse(request, template, context, status_code=status)


def render_as_read(request: Request, template: str, read: Callable[[], Mapping[str, Any]]) -> Response:
    """
    Send the head of a page at once, and the rest when it has been read: for a page that reads much.

    Parameters
    ----------
    read
        Return the content, as of `render`. The head has been sent by then: an error becomes a section of the page.
    """
    state_of(request).cloud()  # a stack that is gone is still a page of its own

    def pieces() -> Iterator[str]:
        page = _TEMPLATES.env.get_template(template)
        context = page.new_context({"request": request, **_frame(request)})
        for piece in page.root_render_func(context):
            yield piece
            if _MAIN in piece:  # names of a block are looked up when it begins
                try:
                    context.vars.update(read())
                except Exception as error:  # noqa: BLE001 - said on the page, as `web.trouble` says it
                    yield _TEMPLATES.env.get_template("trouble_end.html").render(trouble_of(request, error))
                    return

    return StreamingResponse(pieces(), media_type="text/html")


def trouble_of(request: Request, error: Exception) -> Mapping[str, str]:
    """Return what the page of an error says; `lasting` where asking again does not help."""
    sentence = state_of(request).trouble(error)
    own_fault = {"lasting": "The console failed"} if sentence_of(error) is None else {}
    return {"sentence": sentence, **own_fault}


def _frame(request: Request) -> Mapping[str, Any]:
    console = state_of(request)
    return {
        "menu": [page for page in request.app.state.pages if page.title],
        "csrf": console.secrets.csrf,
        "read_only": console.read_only,
        **_place(console),
        "data": {},
    }


def _place(console: ConsoleState) -> Mapping[str, str]:
    """Return which stack the page is about, and where it is; nothing before the cloud is open."""
    if (cloud := console.opened) is None:
        return {}
    region = cloud.connection.session.region_name
    return {"stack": cloud.stack.name, "place": "local cloud" if cloud.connection.is_local else region}


def script_json(value: object) -> Markup:
    """Return JSON that may stand in a script element that is not run: no `<` can end it."""
    return Markup(json.dumps(value).replace("<", "\\u003c"))  # noqa: S704 # nosec B704


_TEMPLATES.env.filters["script_json"] = script_json


def problem(sentence: str, status: int) -> Response:
    """Answer a script's request that failed: `{"problem": "..."}`."""
    return JSONResponse({"problem": sentence}, status)


def preview_url(image: ImageRef, size: PreviewSize) -> str:
    """Return the address of an image's preview."""
    return f"/preview?{image_query(image)}&size={size.name.lower()}"


def image_query(image: ImageRef) -> str:
    """Return the part of an address that names an image."""
    named = {"key": image.key, "etag": image.etag}
    return urlencode(named | ({"version": image.version_id} if image.version_id else {}))


def is_image_key(key: str, cloud: OpenCloud) -> bool:
    """Tell whether an image may have this key, which an address named: AWS answers other keys with an error."""
    return cloud.stack.keys.take(key) and len(key.encode()) <= MAX_KEY_BYTES


def image_of(request: Request) -> ImageRef:
    """Return the image that an address names; see `image_query`."""
    query = request.query_params
    return ImageRef(query.get("key", ""), query.get("etag", ""), query.get("version") or None)
