"""Live: the gallery of images as they arrive, filters, and uploads by dropping files on the page."""

import json

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from scones.console.dropped import key_of_drop, upload
from scones.console.gallery import PAGE as ROWS
from scones.console.gallery import read_page
from scones.console.page import Page, problem, render, state_of
from scones.decisions.decision import CANNOT_TELL, NEITHER
from scones.errors import SconesError
from scones.result_documents import Outcome

_TOO_LARGE, _BAD = 413, 400


def show(request: Request) -> Response:
    """Show the page; its script fills the gallery."""
    cloud = state_of(request).cloud()
    data = {
        "rowsPerPage": ROWS,
        "maxBytes": cloud.stack.number("MaxObjectBytes"),
        "labels": cloud.stack.labels,
    }
    labels = [*cloud.stack.labels, NEITHER, CANNOT_TELL]
    return render(request, "live.html", {"data": data, "labels": labels, "outcomes": list(Outcome)})


def rows(request: Request) -> Response:
    """Answer with a page of the gallery."""
    query = request.query_params
    wanted = [Outcome(one) for one in query.getlist("outcome") if one in list(Outcome)]
    try:
        after = json.loads(query["after"]) if "after" in query else None
    except ValueError:
        after = ()
    if after is not None and not (isinstance(after, list) and [type(one) for one in after] == [str] * 3):
        return problem("the page asks for rows after a place that is not one", _BAD)
    cloud = state_of(request).cloud()
    found = read_page(
        cloud,
        wanted or list(Outcome),
        query.get("label") or None,
        tuple(after) if after else None,
    )
    return JSONResponse({"rows": found.rows, "after": found.after, "now": cloud.clock.now()})


async def events(request: Request) -> Response:
    """Stream what is new."""
    return StreamingResponse(request.app.state.feed.watch(), media_type="text/event-stream")


async def receive(request: Request) -> Response:
    """Take a dropped file, whose name and folder are in the address, and upload it."""
    console = state_of(request)
    try:
        cloud = await run_in_threadpool(console.cloud)
        key = key_of_drop(
            cloud.stack.keys,
            request.query_params.get("folder", ""),
            request.query_params.get("name", ""),
        )
    except SconesError as error:
        return problem(error.message, _BAD)
    limit = cloud.stack.number("MaxObjectBytes")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            return problem(f"the file is larger than {limit / 1e6:.1f} MB, the stack's limit", _TOO_LARGE)
    if not body:
        return problem("the file is empty", _BAD)
    image = await run_in_threadpool(upload, cloud, key, bytes(body))
    request.app.state.feed.dropped.add(image)
    return JSONResponse({"id": image.id, "key": image.key})


PAGE = Page(
    "Live",
    "/",
    (
        Route("/", show),
        Route("/live/rows", rows),
        Route("/live/events", events),
        Route("/live/uploads", receive, methods=["POST"]),
    ),
)
