"""Image: all that is known of one image, the path of its execution, and running it again."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from scones.claims import Claim, read_claims
from scones.connection import Connection
from scones.console.denials import Refused, allowed, refused_action
from scones.console.desk import ReviewDesk
from scones.console.image_story import Content, DrawnRun, ImageStory, read_contents, read_story
from scones.console.model_view import NotSerializedError, read_model_view
from scones.console.page import (
    Page,
    image_of,
    image_query,
    is_image_key,
    preview_url,
    problem,
    render,
    state_of,
)
from scones.console.pages.review import choices, keys_of
from scones.console.previews import ImageRef, PreviewSize
from scones.console.state import OpenCloud
from scones.console.state_data import read_execution_data
from scones.decisions.decision import UNDONE
from scones.decisions.review_errors import ReviewError
from scones.execution_progress import STANDARD
from scones.graph.execution import Path, duration_text
from scones.graph.svg import STYLE, draw_svg
from scones.log_lines import find_log_groups, read_lines
from scones.redrive.executions import begin
from scones.redrive.images import ImageVersion, Redriven
from scones.result_documents import Outcome, fetch
from scones.shell import quoted
from scones.why.evidence import moment_of

_BAD, _NOT_FOUND, _CONFLICT, _FORBIDDEN = 400, 404, 409, 403
_LOG_LINES: Final = 200
_PICTURED: Final = frozenset({None, Outcome.PASSED, Outcome.REVIEW, Outcome.REVIEWED})


def show(request: Request) -> Response:
    """Show the page; without an ETag, the newest image of the key."""
    state, image = state_of(request), image_of(request)
    cloud = state.cloud()
    is_key = is_image_key(image.key, cloud)
    if is_key and not image.etag and (contents := read_contents(cloud, image.key)):
        return RedirectResponse(f"/image?{image_query(contents[0].image)}")
    story = read_story(cloud, image) if is_key else None
    if story is None:
        sentence = "there is no such image: it was deleted and its record has expired, or it never was"
        return render(request, "trouble.html", {"sentence": sentence, "lasting": "Not found"}, _NOT_FOUND)
    content = {**_content(story, cloud), "correction": _correction(story, cloud, read_only=state.read_only)}
    return render(request, "image.html", content)


def _content(story: ImageStory, cloud: OpenCloud) -> Mapping[str, Any]:
    claim, query = story.content.claim, image_query(story.image)
    run = story.run if isinstance(story.run, DrawnRun) else None
    document = story.document.content if story.document and not isinstance(story.document, Refused) else None
    name, options = quoted(story.image.key), cloud.connection.options
    return {
        "story": story,
        "claim": claim,
        "name": story.image.key.removeprefix(cloud.stack.incoming_prefix),
        "document": document,
        "probabilities": _probabilities(document),
        "refusals": [one.sentence for one in (story.document, story.run) if isinstance(one, Refused)],
        "run": run,
        "steps": _steps(run.path) if run and run.path else [],
        "drawing": Markup(draw_svg(run.workflow, run.path, style="")) if run else None,  # noqa: S704 # nosec B704
        "preview": preview_url(story.image, PreviewSize.FULL) if claim.outcome in _PICTURED else None,
        "model_view": f"/image/model-view?{query}",
        "other_contents": [_row(one, story) for one in story.contents],
        "show_command": f"scones show {name}{options}",
        "data": {
            "query": query,
            "now": _now(claim),
            "is_changing": story.is_open or _is_recording(claim),
            "has_history": bool(run and run.path),
        },
    }


def _correction(story: ImageStory, cloud: OpenCloud, *, read_only: bool) -> Mapping[str, Any] | None:
    """Return the labels to choose from, and why none can be chosen; None for an image that people do not correct."""
    claim, version, labels = story.content.claim, story.content.version, cloud.stack.labels
    if claim.just_decided:
        if not claim.decision:
            return None
    elif story.is_open or not (claim.decision or claim.outcome is Outcome.PASSED):
        return None
    reason = None
    if read_only:
        reason = "this console only shows: it was started with --read-only"
    elif version is None or version.is_deleted:
        reason = "the image was deleted"
    elif _is_recording(claim):
        reason = "the last decision is being recorded"
    return {
        "choices": [(label, words) for label, words, _ in choices(labels, keys_of(labels))],
        "undone": UNDONE if claim.decision else None,
        "refused": reason,
    }


def _is_recording(claim: Claim) -> bool:
    """Tell whether "Record decision" is not through with a decision."""
    return (claim.state_shard or "").startswith("record#")


def _probabilities(document: Mapping[str, Any] | None) -> Sequence[tuple[str, float]]:
    """Return the classes with their probabilities, the likeliest first."""
    if not document or not document.get("inferences"):
        return []
    found = zip(document["labels"], document["inferences"], strict=False)
    return sorted(found, key=lambda one: -one[1])


def _steps(path: Path) -> Sequence[Mapping[str, Any]]:
    """Return a row for each state, with the place of its time in that of the execution, in percent."""
    if not path.visits:
        return []
    first = path.visits[0].entered
    last = max(visit.left or visit.entered for visit in path.visits)
    whole = max((last - first).total_seconds(), 0.001)
    return [
        {
            "state": visit.state,
            "after": duration_text((visit.entered - first).total_seconds()),
            "took": visit.text,
            "x": round(100 * (visit.entered - first).total_seconds() / whole, 2),
            "width": round(100 * max(0.0, ((visit.left or last) - visit.entered).total_seconds()) / whole, 2),
        }
        for visit in path.visits
    ]


def _row(content: Content, story: ImageStory) -> Mapping[str, Any]:
    claim = content.claim
    return {
        "is_this": content.image == story.image,
        "page": f"/image?{image_query(content.image)}",
        "etag": content.image.etag,
        "uploaded": content.version.uploaded_at.isoformat() if content.version else claim.claimed_at,
        "size": content.version.size if content.version else None,
        "outcome": Outcome.REVIEW if claim.outcome and claim.hides_verdict else claim.outcome,
        "state": "deleted"
        if content.version is None or content.version.is_deleted
        else "current"
        if content.version.is_current
        else "earlier",
        # What the model said of other bytes may be what it says of these.
        "label": None if story.is_open or claim.hides_verdict else claim.label,
    }


def _now(claim: Claim) -> str:
    """Return what changes when something happens to an image."""
    decision = None if claim.waits_for_person else claim.decision  # a second look is like a first one
    return " ".join(str(one) for one in (*claim.end, claim.state_shard, decision, claim.just_decided))


def _claim_of(cloud: OpenCloud, image: ImageRef) -> Claim:
    names = [(image.key, image.etag)]
    return read_claims(cloud.dynamodb, cloud.stack.claims_table, names).get(names[0], Claim())


def now(request: Request) -> Response:
    """Tell an open page whether something happened to the image."""
    return JSONResponse({"now": _now(_claim_of(state_of(request).cloud(), image_of(request)))})


def states(request: Request) -> Response:
    """Answer with the input and output of each state; while the verdict must not be shown, with errors only."""
    cloud = state_of(request).cloud()
    claim = _claim_of(cloud, image_of(request))
    if claim.execution is None or STANDARD not in claim.execution:
        return problem("Step Functions keeps no history of this execution", _CONFLICT)
    is_hidden = claim.hides_verdict
    execution = claim.execution
    found = allowed(lambda: read_execution_data(cloud.stepfunctions, execution))
    if isinstance(found, Refused):
        return problem(found.sentence, _FORBIDDEN)
    rows = [
        {
            "state": one.state,
            "texts": None if is_hidden else one.texts,
            "errors": one.errors,
        }
        for one in found.states
        if one.errors or not (claim.outcome and is_hidden)  # which states there were says whether it passed
    ]
    return JSONResponse({"states": rows, "complete": found.is_complete})


def log(request: Request) -> Response:
    """Answer with what the functions and the workflow logged about the execution."""
    cloud = state_of(request).cloud()
    claim = _claim_of(cloud, image_of(request))
    since = moment_of(claim.claimed_at)
    if claim.execution is None or since is None:
        return problem("no execution has taken this image", _CONFLICT)
    if claim.outcome and claim.hides_verdict:
        return problem("shown half a minute after the decision", _CONFLICT)
    found = allowed(lambda: _log_lines(cloud, str(claim.execution), since))
    if isinstance(found, Refused):
        return problem(found.sentence, _FORBIDDEN)
    return JSONResponse({"lines": found})


def _log_lines(cloud: OpenCloud, execution: str, since: datetime) -> Sequence[Mapping[str, str]]:
    groups = find_log_groups(cloud.client(Connection.cloudformation), cloud.stack.name)
    return [
        {"at": line.at.isoformat(), "source": line.source, "level": line.level, "message": line.message}
        for line in read_lines(cloud.client(Connection.logs), groups, execution, since, _LOG_LINES)
    ]


def model_view(request: Request) -> Response:
    """Answer with the picture that the model gets, or with the sentence why there is none."""
    cloud, image = state_of(request).cloud(), image_of(request)
    content = next((one for one in read_contents(cloud, image.key) if one.image.etag == image.etag), None)
    if content is None or content.version is None:
        return problem("this image was deleted", 410)
    size = content.version.size
    try:
        found = allowed(lambda: read_model_view(cloud, content.image, size))
    except NotSerializedError as error:
        return problem(str(error), 422)
    if isinstance(found, Refused):
        return problem(found.sentence, _FORBIDDEN)
    picture, content_type = found
    return Response(picture, media_type=content_type)


async def correct(request: Request) -> Response:
    """Write a person's decision about an image that passed or was decided, or take the last one back."""
    said = await request.json()
    return await run_in_threadpool(_correct, request, said)


def _correct(request: Request, said: Mapping[str, Any]) -> Response:
    desk: ReviewDesk = request.app.state.desk
    image = ImageRef(str(said["key"]), str(said["etag"]))
    if _now(_claim_of(state_of(request).cloud(), image)) != said["now"]:
        return problem("something happened to the image since this page was loaded: load it again", _CONFLICT)
    try:
        return JSONResponse({"note": desk.correct(image, str(said["label"]), int(said["took_ms"]))})
    except ReviewError as error:
        return problem(error.message, _CONFLICT)


async def run_again(request: Request) -> Response:
    """Start an execution for the image, as `scones redrive` does for all that failed."""
    said = await request.json()
    image = ImageRef(str(said["key"]), str(said["etag"]))
    return await run_in_threadpool(_run_again, state_of(request).cloud, image)


def _run_again(open_cloud: Callable[[], OpenCloud], image: ImageRef) -> Response:
    cloud = open_cloud()
    story = read_story(cloud, image)
    if story is None or story.not_again:
        return problem(story.not_again if story and story.not_again else "there is no such image", _CONFLICT)
    entry = Redriven(_version_of(story, cloud), "run again on the console")
    try:
        begin(cloud.stepfunctions, cloud.stack.workflow_alias_arn, entry, story.content.claim, dry_run=False)
    except Exception as error:
        if (action := refused_action(error)) is None:
            raise
        return problem(Refused(action).sentence, _FORBIDDEN)
    if entry.execution is None:
        return problem(entry.reason or "it was not started", _CONFLICT)
    return JSONResponse({"execution": entry.execution})


def _version_of(story: ImageStory, cloud: OpenCloud) -> ImageVersion:
    """Return the image as its event named it: from the document of its failure, else from claim and bucket."""
    claim = story.content.claim
    if claim.result_key and (document := fetch(cloud.s3, cloud.stack.results_bucket, claim.result_key)):
        return ImageVersion.of_document(document.content)
    version = story.content.version
    return ImageVersion(
        bucket=cloud.stack.image_bucket,
        key=story.image.key,
        etag=story.image.etag,
        size=version.size if version else 0,
        version_id=story.image.version_id,
        sequencer=story.attributes.get("sequencer"),
    )


def graph_style(_request: Request) -> Response:
    """Serve the style sheet of the drawing, for its own elements only."""
    return Response(f".workflow {{{STYLE}}}", media_type="text/css")


PAGE = Page(
    None,
    "/image",
    (
        Route("/image", show),
        Route("/image/now", now),
        Route("/image/states", states),
        Route("/image/log", log),
        Route("/image/model-view", model_view),
        Route("/image/correct", correct, methods=["POST"]),
        Route("/image/again", run_again, methods=["POST"]),
        Route("/image/graph.css", graph_style),
    ),
)
