"""Compare the workflow with the same job as one durable Lambda function, and as a chain of three functions.

    .venv/bin/python -m benchmarks.durable_function

Costs are derived from counted states and operations, and from AWS's price lists.
"""

from __future__ import annotations

import json
import subprocess
import sys

from benchmarks.cold_starts import FUNCTIONS, SITES, install, size_mb, start
from benchmarks.measurements import ROOT, Count, Part, interleaved, keep, ratio_of, significant

# Of a passed image; tests/workflow/test_outcomes.py counts it.
STATES, INVOCATIONS, CHAIN_STATES = 7, 3, 3
MILLION = 1_000_000
STATE_USD = 25e-6  # Step Functions, STANDARD, us-east-1
EXPRESS_USD, GB_SECOND_USD, REQUEST_USD = 1e-6, 1.66667e-5, 2e-7
OPERATION_USD, WRITTEN_GB_USD = 8e-6, 0.25  # Lambda's price list, "Durable Functions", us-east-1
EXPRESS_GB_SECONDS = 0.5 * 64 / 1024  # half a second, the smallest memory
# docs/capacity.md: Serialize with 1.77 GB and Classify with 0.25 GB, 0.1 s each; one function needs 1.77 GB for both.
LAMBDA_GB_SECONDS, DURABLE_GB_SECONDS = 1.77 * 0.1 + 0.25 * 0.1, 1.77 * 0.2
BUDGET_S, MOST_RUNS = 60, 9
OURS, DURABLE, CHAIN = (
    "three functions, one after another",
    "one durable function",
    "chain of three functions",
)
METHOD = """\
The same job as one durable Lambda function ([its code](../benchmarks/textbook/durable_image.py)): AWS's own
test runner (`aws-durable-execution-sdk-python-testing`) counted its operations, the start of the execution and
each step. Costs are derived, for 1,000,000 passed images at list prices of us-east-1 (Step Functions $25 a
million states; Lambda $8 a million durable operations, $0.25 a GB written): orchestration only, then Lambda's
requests and time with the assumption of 0.2 s an image in `docs/capacity.md`. Nothing was billed, and the
prices of durable operations are those that others quote from AWS's page, which could not be opened here. The
start compares what a first image waits for: the starts of three functions one after another against that of one
function with all their packages. The latency of a warm image was not measured, because no emulator here runs
durable functions."""


def counted_operations() -> dict[str, int]:
    """Let AWS's test runner count what the durable function does."""
    site = install(
        "durable", ["aws-durable-execution-sdk-python", "aws-durable-execution-sdk-python-testing"]
    )
    answer = SITES / "durable-operations.json"
    subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-W", "ignore", "benchmarks/textbook/durable_image.py", str(answer)],
        cwd=ROOT,
        env={"PYTHONPATH": str(site)},
        check=True,
    )
    found: dict[str, int] = json.loads(answer.read_text(encoding="utf-8"))
    return found


def costs(operations: int, written: int) -> list[Count]:
    """Derive what a million passed images cost."""
    durable = MILLION * (operations * OPERATION_USD + written / 1e9 * WRITTEN_GB_USD)
    standard, express = (
        MILLION * STATES * STATE_USD,
        MILLION * (EXPRESS_USD + EXPRESS_GB_SECONDS * GB_SECOND_USD),
    )
    three = MILLION * (INVOCATIONS * REQUEST_USD + LAMBDA_GB_SECONDS * GB_SECOND_USD)
    one = MILLION * (REQUEST_USD + DURABLE_GB_SECONDS * GB_SECOND_USD)
    rows = [
        ("billed steps of a passed image", STATES, operations, DURABLE, "", "counted"),
        ("billed steps of a passed image", STATES, CHAIN_STATES, CHAIN, "", "counted"),
        ("orchestration with STANDARD", standard, durable, DURABLE, "$", "derived"),
        ("orchestration with STANDARD", standard, MILLION * CHAIN_STATES * STATE_USD, CHAIN, "$", "derived"),
        ("orchestration with EXPRESS", express, durable, DURABLE, "$", "derived"),
        ("Lambda, requests and time", three, one, DURABLE, "$", "derived"),
    ]
    return [
        Count(what, significant(ours), significant(beside), of, unit, source)
        for what, ours, beside, of, unit, source in rows
    ]


def starts(part: Part) -> None:
    """Measure what a first image waits for."""
    runtime, sdk = install("runtime", ["boto3"]), SITES / "durable"
    folders = {name: ROOT / "functions" / name.lower() for name in FUNCTIONS}
    sites = {
        name: install(name.lower(), ["--no-deps", "-r", f"{folder}/requirements.txt"])
        for name, folder in folders.items()
    }
    every = [*folders.values(), *sites.values(), sdk]
    imports = "; ".join(f"import {name.lower()}.app" for name in FUNCTIONS)

    def three() -> float:
        return sum(
            start(f"import {name.lower()}.app", [folders[name], sites[name], runtime]).cpu_ms
            for name in FUNCTIONS
        )

    def one() -> float:
        program = (
            f"{imports}; import boto3; boto3.client('dynamodb'); import aws_durable_execution_sdk_python"
        )
        return start(program, every).cpu_ms

    measured = interleaved({OURS: three, DURABLE: one}, BUDGET_S, MOST_RUNS)
    part.ratios.append(
        ratio_of(
            measured, OURS, DURABLE, quantity="CPU time of a first start", case="all functions", unit="ms"
        )
    )
    part.counts.append(Count("the SDK for durable functions", 0.0, sdk_size(), DURABLE, "MB", "counted"))


def sdk_size() -> float:
    """Return the megabytes of the SDK alone; boto3 comes with Lambda's runtime."""
    return significant(size_mb(SITES / "durable" / "aws_durable_execution_sdk_python"))


def measure() -> Part:
    """Count, derive and measure."""
    part = Part("One durable function instead of a workflow", METHOD)
    found = counted_operations()
    part.counts += costs(1 + found["steps"], found["bytes"])
    starts(part)
    return part


if __name__ == "__main__":
    keep("durable_function", measure())
