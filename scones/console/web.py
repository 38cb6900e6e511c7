"""The console as a web application: its pages behind the guard, previews, and what is said when AWS does not answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ExceptionHandler

from scones.console.decoders import NotDecodedError
from scones.console.desk import ReviewDesk
from scones.console.feed import Feed
from scones.console.guard import Guard
from scones.console.jobs import Jobs
from scones.console.page import FOLDER, Page, image_of, is_image_key, problem, render, state_of, trouble_of
from scones.console.pages import PAGES
from scones.console.previews import PreviewGoneError, PreviewSize
from scones.console.state import ConsoleState
from scones.errors import SconesError


@dataclass(frozen=True, slots=True)
class WebConsole:
    """The application behind its guard, and what has to be ended with it."""

    guard: Guard
    feed: Feed
    desk: ReviewDesk


def make_web_console(state: ConsoleState, port: int, pages: Sequence[Page] = PAGES) -> WebConsole:
    """Build the application; nothing of AWS is asked yet."""
    of_aws: dict[type[Exception], ExceptionHandler] = dict.fromkeys(
        (BotoCoreError, ClientError, SconesError, Exception), trouble
    )
    app = Starlette(
        routes=[
            *(route for page in pages for route in page.routes),
            Route("/preview", preview),
            Route("/health", health),
            Mount("/static", StaticFiles(directory=FOLDER / "static")),
        ],
        exception_handlers={HTTPException: not_found, ClientDisconnect: left, **of_aws},
    )
    feed, desk = Feed(state), ReviewDesk(state)
    app.state.console, app.state.pages = state, pages
    app.state.feed, app.state.desk = feed, desk
    app.state.jobs = Jobs(state.trouble)
    return WebConsole(Guard(app, state.secrets, port, read_only=state.read_only), feed, desk)


def preview(request: Request) -> Response:
    """Answer with the JPEG of an image, or with the sentence why it cannot be shown."""
    state = state_of(request)
    cloud = state.cloud()
    image, size = image_of(request), request.query_params.get("size", "thumb").upper()
    if size not in PreviewSize.__members__ or not is_image_key(image.key, cloud):
        return problem("there is no such preview", 404)
    try:
        jpeg = state.previews.jpeg(cloud.s3, cloud.stack.image_bucket, image, PreviewSize[size])
    except PreviewGoneError as error:
        return problem(str(error), 410)
    except NotDecodedError as error:
        return problem(str(error), 422)
    return Response(jpeg, media_type="image/jpeg")


def health(request: Request) -> Response:
    """Tell a page in trouble whether AWS answers again."""
    state = state_of(request)
    cloud = state.cloud()
    cloud.dynamodb.get_item(
        TableName=cloud.stack.claims_table,
        Key={"image_key": {"S": "console"}, "etag": {"S": "health"}},
        ProjectionExpression="image_key, etag",
    )
    return JSONResponse({"stack": cloud.stack.name})


def trouble(request: Request, error: Exception) -> Response:
    """Say what AWS answered: to a person on a page that waits for better times, to a script as JSON."""
    said = trouble_of(request, error)
    status = 500 if "lasting" in said else 503
    if "text/html" in request.headers.get("accept", ""):
        return render(request, "trouble.html", said, status)
    return problem(said["sentence"], status)


def left(_request: Request, _error: Exception) -> Response:
    """End a request whose page was closed while it was sending: nobody reads the answer."""
    return Response(status_code=400)


def not_found(request: Request, error: Exception) -> Response:
    """Answer for an address that the console does not have."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    if "text/html" in request.headers.get("accept", ""):
        return render(
            request,
            "trouble.html",
            {"sentence": "there is no such page here", "lasting": "Not found"},
            status,
        )
    return problem("there is no such address", status)
