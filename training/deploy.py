"""Release a model on a SageMaker endpoint, or remove the endpoint and all that was made for it.

Run again with the same options it goes on where it was interrupted; run with the options of an earlier release
it rolls back to that one. --dry-run prints the calls and makes none, and needs no credentials; with --delete it
only looks.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from training.aws import SessionError, aws_errors, open_session
from training.release.endpoint_requests import plan
from training.release.model_release import Release, ReleaseError, Rollout
from training.release.release_options import parser, release_of
from training.release.waiting import Waiter

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable


def main(arguments: list[str] | None = None, waiter: Waiter | None = None) -> int:
    """Run the command line."""
    options = parser(__doc__).parse_args(arguments)
    waiter = waiter or Waiter(timeout_s=options.timeout * 60)
    if options.delete:
        return _reported(lambda: _delete(options, waiter))
    try:
        release, rollout = release_of(options)
    except ReleaseError as error:
        return _failed(error)
    if options.dry_run:
        _show(release, rollout)
        return 0
    return _reported(lambda: _deploy(release, rollout, options, waiter))


def _show(release: Release, rollout: Rollout) -> None:
    for call in plan(release, rollout):
        print(f"{call}\n")
    print(f"# {release.hosting.idle_cost()}")


def _deploy(release: Release, rollout: Rollout, options: argparse.Namespace, waiter: Waiter) -> None:
    session = open_session(options.region)
    from training.release.endpoint_rollout import Deployment  # noqa: PLC0415 - a dry run needs no AWS library

    Deployment(session, release, rollout, waiter).run()
    print(f"endpoint {release.endpoint_name} serves model {release.version}")
    print(release.hosting.idle_cost())
    print(f"remove it all: python -m training.deploy --endpoint-name {release.endpoint_name} --delete")


def _delete(options: argparse.Namespace, waiter: Waiter) -> None:
    session = open_session(options.region)
    from training.release.endpoint_removal import describe, removal_calls, remove  # noqa: PLC0415 - as above

    calls = removal_calls(session, options.endpoint_name)
    if not calls:
        print(f"nothing is there that was made for endpoint {options.endpoint_name}")
        return
    print("\n".join(describe(call) for call in calls))
    print("kept: model archives, images and captured data (they are storage, and yours)")
    if options.dry_run:
        return
    if not options.yes and not _confirmed(len(calls)):
        raise ReleaseError("nothing was deleted; --yes deletes without asking")
    remove(session, calls, waiter)
    print(f"endpoint {options.endpoint_name} and all that was made for it is gone")


def _confirmed(count: int) -> bool:
    if not sys.stdin.isatty():
        return False
    return input(f"Delete these {count}? [y/N] ").strip().lower() in ("y", "yes")


def _reported(action: Callable[[], None]) -> int:
    """Run the action; turn what can go wrong into one line and an exit code."""
    try:
        action()
    except (ReleaseError, SessionError, TimeoutError, ValueError, ImportError, *aws_errors()) as error:
        return _failed(error)
    except KeyboardInterrupt:
        print("training.deploy: stopped; run it again to go on", file=sys.stderr)
        return 130
    return 0


def _failed(error: Exception) -> int:
    print(f"training.deploy: {' '.join(str(error).split())}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
