"""Compare the CPU time of Filter's start with that of creating a boto3 client for SSM, which Filter avoids.

    .venv/bin/python benchmarks/filter_cold_start.py

Each run is a separate interpreter; the two programs alternate, with their .pyc files already written. User and system
time are measured, so other work on the machine has little effect.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

FILTER = Path(__file__).parent.parent / "functions" / "filter"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "LABELS": "bicycle,motorcycle",
    "CONFIDENCE_THRESHOLD": "0.8",
    "THRESHOLD_PARAMETER": "ConfidenceThreshold",
    "POWERTOOLS_SERVICE_NAME": "filter",
    "POWERTOOLS_METRICS_NAMESPACE": "Scones",
}
PROGRAMS = {
    "python alone": "pass",
    "boto3.client('ssm')": "import boto3; boto3.client('ssm')",
    "Filter": "import filter.app",
}


def cpu_seconds(program: str) -> float:
    """Run a program in a new interpreter in Filter's folder; return its user and system time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = ENVIRONMENT | {"PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", program], cwd=FILTER, env=environment, check=True)  # noqa: S603 - ours
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(runs: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each program, measured alternately; the first run of each is not counted."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(runs + 1):
        for name, program in PROGRAMS.items():
            times[name].append(cpu_seconds(program))
    return {name: measured[1:] for name, measured in times.items()}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=11, help="runs of each program (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    options = parser.parse_args()
    medians = {name: statistics.median(times) for name, times in measure(options.runs).items()}
    ratio = medians["Filter"] / medians["boto3.client('ssm')"]
    if options.json:
        print(json.dumps({"cpu_seconds": medians, "ratio": ratio}))
        return
    for name, seconds in medians.items():
        print(f"{name:20} {1000 * seconds:6.0f} ms of CPU time")
    print(f"Filter / boto3.client('ssm'): {ratio:.2f}")


if __name__ == "__main__":
    main()
