"""Release a model on a SageMaker endpoint, or remove the endpoint and everything created for it.

A second run with the same options continues an interrupted one; a run with the options of an earlier release rolls
back to it. --dry-run prints the calls without making them and needs no credentials; with --delete, it only makes
read calls.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

from training.aws import open_session
from training.command_line import command, start
from training.errors import ReleaseError
from training.release.comparison_gate import check_comparison
from training.release.endpoint_requests import plan
from training.release.model_release import (
    MAX_ALARM_NAME,
    MAX_ALARMS,
    MEMORY_MB,
    Instances,
    Release,
    Rollout,
    Serverless,
    version_in,
)
from training.release.waiting import Waiter


# sagemaker-core is imported late, and rejects requests with pydantic's ValueErrors.
@command("deploy", stopped="stopped; run it again to continue", also=(ValueError, ImportError))
def main(arguments: list[str] | None = None, waiter: Waiter | None = None) -> int:
    """Run the command line."""
    options = parser(__doc__).parse_args(arguments)
    waiter = waiter or Waiter(timeout_s=options.timeout * 60)
    if options.delete:
        _delete(options, waiter)
        return 0
    release, rollout = release_of(options)
    if options.comparison:
        for line in check_comparison(options.comparison, release.version, force=options.force):
            print(f"# {line}")
    elif options.force:
        raise ReleaseError("--force is about --comparison: give one, or leave it out")
    if options.dry_run:
        _show(release, rollout)
    else:
        _deploy(release, rollout, options, waiter)
    return 0


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


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return the command line."""
    parser = argparse.ArgumentParser(prog="python -m training.deploy", description=description)
    parser.add_argument("--endpoint-name", required=True, help="lower case; the app's EndpointName parameter")
    parser.add_argument("--region", help="default: the one that boto3 finds")
    parser.add_argument("--dry-run", action="store_true", help="print what would be done, without doing it")
    parser.add_argument("--timeout", type=float, default=60, metavar="MINUTES", help="default: %(default)s")
    removal = parser.add_argument_group("removal")
    removal.add_argument("--delete", action="store_true", help="remove everything created for this endpoint")
    removal.add_argument("--yes", action="store_true", help="without asking")
    model = parser.add_argument_group("model")
    model.add_argument("--image", help="the endpoint image in ECR, see `make endpoint-image`")
    model.add_argument("--model-data", help="s3://.../<version>/model.tar.gz, see training.package --upload")
    model.add_argument("--version", help="the model's version, if --model-data does not contain it")
    model.add_argument("--role", help="ARN of the role that SageMaker assumes to read image and model")
    gate = parser.add_argument_group("comparison")
    gate.add_argument(
        "--comparison",
        type=Path,
        metavar="FILE",
        help="what scones what-if --output wrote for this version: a candidate that is worse is not released",
    )
    gate.add_argument("--force", action="store_true", help="release it all the same")
    hosting = parser.add_argument_group("serverless (the default)")
    hosting.add_argument("--serverless", action="store_true", help="scale to zero")
    hosting.add_argument(
        "--memory-mb", type=int, choices=MEMORY_MB, default=2048, help="default: %(default)s"
    )
    hosting.add_argument("--max-concurrency", type=int, default=10, help="1 to 200 (default: %(default)s)")
    instances = parser.add_argument_group("instances")
    instances.add_argument("--instance-type", help="for example ml.c7i.large")
    instances.add_argument("--min", type=int, default=1, help="instances (default: %(default)s)")
    instances.add_argument("--max", type=int, default=2, help="instances (default: %(default)s)")
    instances.add_argument(
        "--max-rps", type=float, default=50, help="requests/s one instance sustains (default: %(default)s)"
    )
    instances.add_argument("--capture", metavar="S3_URI", help="where Data Capture writes")
    instances.add_argument(
        "--capture-percent", type=int, default=100, help="of requests (default: %(default)s)"
    )
    rollout = parser.add_argument_group("rollout")
    rollout.add_argument("--canary", type=int, metavar="PERCENT", help="10 to 50, two instances or more")
    rollout.add_argument(
        "--bake",
        type=int,
        default=300,
        metavar="SECONDS",
        help="time to watch a release (default: %(default)s)",
    )
    rollout.add_argument(
        "--alarm",
        action="append",
        default=[],
        help="roll back on this alarm instead of the two that are created",
    )
    rollout.add_argument("--max-error-rate", type=float, default=0.05, help="default: %(default)s")
    rollout.add_argument("--max-latency-ms", type=int, default=500, help="default: %(default)s")
    return parser


def release_of(options: argparse.Namespace) -> tuple[Release, Rollout]:
    """Return the release that the options describe.

    Raises
    ------
    ReleaseError
        They are inconsistent.
    """
    for name in ("image", "model_data", "role"):
        if not getattr(options, name):
            raise ReleaseError(f"give --{name.replace('_', '-')}, or --delete")
    hosting: Serverless | Instances = Serverless(options.memory_mb, options.max_concurrency)
    if options.instance_type:
        if options.serverless:
            raise ReleaseError("--serverless and --instance-type exclude each other")
        hosting = Instances(
            options.instance_type,
            options.min,
            options.max,
            options.max_rps,
            options.capture,
            options.capture_percent,
        )
    elif options.capture or options.canary:
        raise ReleaseError(
            "Data Capture and canaries need --instance-type: SageMaker has none for serverless"
        )
    version = options.version or version_in(options.model_data)
    rollout = Rollout(
        options.canary, options.bake, tuple(options.alarm), options.max_error_rate, options.max_latency_ms
    )
    release = Release(
        options.endpoint_name, options.image, options.model_data, options.role, version, hosting
    )
    _check_ranges(options)
    return release, rollout


def _check_ranges(options: argparse.Namespace) -> None:
    checks = {
        "--min must be 1 or more and --max no less": 1 <= options.min <= options.max,
        "--max-concurrency must be 1 to 200": 1 <= options.max_concurrency <= 200,  # noqa: PLR2004 - SageMaker's
        "--max-rps must be positive": 0 < options.max_rps < math.inf,
        "--max-error-rate must be 0 to 1": 0 <= options.max_error_rate <= 1,
        "--max-latency-ms must be 1 or more": options.max_latency_ms >= 1,
        "--bake must be 0 to 3600 seconds": 0 <= options.bake <= 3600,  # noqa: PLR2004 - SageMaker's
        f"--alarm: {MAX_ALARMS} at most": len(options.alarm) <= MAX_ALARMS,
        "--capture-percent must be 1 to 100": 1 <= options.capture_percent <= 100,  # noqa: PLR2004 - a percentage
        f"--alarm takes names of 1 to {MAX_ALARM_NAME} characters": all(
            name.strip() and len(name) <= MAX_ALARM_NAME for name in options.alarm
        ),
        "--canary must be 10 to 50, with --min 2 or more: its share is counted in instances": (
            options.canary is None or (10 <= options.canary <= 50 and options.min >= 2)  # noqa: PLR2004
        ),
    }
    if wrong := [text for text, right in checks.items() if not right]:
        raise ReleaseError("; ".join(wrong))


if __name__ == "__main__":
    start(main)
