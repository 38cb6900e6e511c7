"""Operations: status, alarms and queues, and what is done about them, each with the command that does the same."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scones.connection import Connection
from scones.console.denials import Refused
from scones.console.jobs import BusyError, Job, Jobs
from scones.console.page import Page, problem, render_as_read, state_of
from scones.console.stack_operations import read_parts, redrive, sweep
from scones.console.state import ConsoleState
from scones.errors import SconesError
from scones.label_thresholds import Thresholds
from scones.live_threshold import check_end, ends_soon, read_threshold, set_threshold
from scones.status import PERIODS, endpoint_text

_BAD, _CONFLICT = 400, 409
_MOST_LIMIT: Final = 100_000


def show(request: Request) -> Response:
    """Show the page."""
    return render_as_read(request, "operations.html", lambda: _content(request))


def _content(request: Request) -> Mapping[str, Any]:
    cloud = state_of(request).cloud()
    parts = read_parts(cloud)
    jobs = _jobs(request)
    disabled = {
        "sweep": parts["sweep"].action if isinstance(parts["sweep"], Refused) else jobs.refused.get("sweep"),
        "redrive": parts["queue"].action
        if isinstance(parts["queue"], Refused)
        else jobs.refused.get("redrive"),
        "threshold": jobs.refused.get("threshold"),
    }
    options, threshold = cloud.connection.options, parts["threshold"]
    now = datetime.fromtimestamp(cloud.clock.now(), UTC)
    return {
        **{name: None if isinstance(part, Refused) else part for name, part in parts.items()},
        "refused": {name: part.sentence for name, part in parts.items() if isinstance(part, Refused)},
        "disabled": disabled,
        "periods": list(PERIODS),
        "endpoint_text": endpoint_text,
        "certificate_end": None if isinstance(threshold, Refused) else ends_soon(threshold.certificate, now),
        "options": options,
        "endpoint_name": cloud.stack.endpoint_name,
        "data": {
            "options": options,
            "jobs": [job.as_document() for job in jobs.all()],
            "prefix": cloud.stack.incoming_prefix,
        },
    }


def _jobs(request: Request) -> Jobs:
    jobs: Jobs = request.app.state.jobs
    return jobs


def jobs_now(request: Request) -> Response:
    """Answer with the last job of each kind."""
    return JSONResponse({"jobs": [job.as_document() for job in _jobs(request).all()]})


async def start_sweep(request: Request) -> Response:
    """Run the sweep in the background."""
    state, dry_run = state_of(request), bool((await request.json()).get("dry_run"))
    command = f"scones sweep{' --dry-run' if dry_run else ''}"
    return _start(request, "sweep", command, lambda _job: sweep(state.target, dry_run=dry_run))


async def start_redrive(request: Request) -> Response:
    """Start failed images again in the background."""
    state, said = state_of(request), await request.json()
    dry_run, limit = bool(said.get("dry_run")), said.get("limit")
    if limit is not None and not (type(limit) is int and 1 <= limit <= _MOST_LIMIT):
        return problem(f"a limit is a whole number from 1 to {_MOST_LIMIT:,}", _BAD)
    command = f"scones redrive{' --dry-run' if dry_run else ''}{f' --limit {limit}' if limit else ''}"
    return _start(
        request, "redrive", command, lambda job: redrive(state.target, job, dry_run=dry_run, limit=limit)
    )


def _start(request: Request, kind: str, command: str, work: Callable[[Job], Any]) -> Response:
    job = Job(kind, f"{command}{state_of(request).target.options}")
    try:
        _jobs(request).start(job, work)
    except BusyError as error:
        return problem(error.message, _CONFLICT)
    return JSONResponse(job.as_document())


async def change_threshold(request: Request) -> Response:
    """Set the live threshold, or go back to the deployed one."""
    said = await request.json()
    return await run_in_threadpool(_change_threshold, state_of(request), _jobs(request), said)


def _change_threshold(state: ConsoleState, jobs: Jobs, said: Mapping[str, Any]) -> Response:
    cloud = state.cloud()
    try:
        deployed = cloud.stack.thresholds
        value = Thresholds.parse(str(said["value"]), cloud.stack.labels) if "value" in said else deployed
    except ValueError as error:
        return problem(f"the threshold {error}", _BAD)
    ssm = cloud.client(Connection.ssm)
    try:
        check_end(read_threshold(ssm, cloud.stack), cloud.stack)
        changed = set_threshold(ssm, cloud.stack, value)
    except SconesError as error:
        return problem(error.message, _CONFLICT)
    except Exception as error:
        sentence = jobs.sentence("threshold", error)
        if "threshold" not in jobs.refused:
            raise
        return problem(sentence, 403)
    jobs.refused.pop("threshold", None)
    return JSONResponse({**changed.as_document(), "text": str(changed.counts)})


PAGE = Page(
    "Operations",
    "/operations",
    (
        Route("/operations", show),
        Route("/operations/jobs", jobs_now),
        Route("/operations/sweep", start_sweep, methods=["POST"]),
        Route("/operations/redrive", start_redrive, methods=["POST"]),
        Route("/operations/threshold", change_threshold, methods=["POST"]),
    ),
)
