"""Compare how functions start (CPU time, memory, size of packages) with the textbook's and with boto3 alone.

    .venv/bin/python -m benchmarks.cold_starts

Installs each function's packages into build/bench, with uv.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.measurements import ROOT, Count, Part, interleaved, keep, ratio_of
from benchmarks.warm_serialize import INPUT_SIZE, MAX_PIXELS, SIZES, encoded, picture, serialize_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SITES, TEXTBOOK = ROOT / "build" / "bench", ROOT / "benchmarks" / "textbook"
SETTINGS: Final = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "ENDPOINT_NAME": "scones-image-classifier",
    "LABELS": "bicycle,motorcycle",
    "MODEL_INPUT_SIZE": str(INPUT_SIZE),
    "MAX_OBJECT_BYTES": "26214400",
    "MAX_PIXELS": str(MAX_PIXELS),
    "CONFIDENCE_THRESHOLD": "0.8",
    "THRESHOLD_PARAMETER": "ConfidenceThreshold",
    "POWERTOOLS_METRICS_NAMESPACE": "Scones",
}
FUNCTIONS: Final = {
    "Serialize": ("s3", "read_whole_file"),
    "Classify": ("sagemaker-runtime", "ask_with_sdk"),
    "Filter": ("ssm", "check_threshold"),
}
"""For each function the client that the floor makes, and the textbook's module."""
BUDGET_S, MOST_RUNS = 60, 11
FLOOR, BOOK = "boto3.client", "textbook"
MIB = 1024 * 1024
STATE_BYTES = 262_144  # AWS's limit of the state that a workflow carries
METHOD = """\
Start: a new interpreter that imports the function's module, which makes its clients and reads its settings,
with its packages (`requirements.txt`) and boto3 in the path and their bytecode written. "Textbook" is the same
job as tutorials show it ([`benchmarks/textbook`](../benchmarks/textbook)): the whole file in base64,
SageMaker's SDK (version 2), a threshold in the code. "boto3.client" only makes one client of the service that
the function calls: the floor for code that uses AWS's SDK. Filter does not use it; the textbook's Filter does
nothing but compare, so it has no setting that can change while it runs. CPU time of user and system; memory is
the peak resident set. Lambda's own start of the sandbox comes on top, for all alike."""


@dataclass(frozen=True, slots=True)
class Start:
    """What a start took."""

    cpu_ms: float
    peak_mib: float


def start(program: str, folders: Iterable[Path | str], python: str = sys.executable) -> Start:
    """Run a program in a new interpreter that finds modules in these folders and the standard library alone."""
    shown = f"{program}\nprint(open('/proc/self/status').read())"
    environment = SETTINGS | {"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(map(str, folders))}
    process = subprocess.Popen(  # noqa: S603 - ours
        [python, "-s", "-S", "-W", "ignore", "-c", shown],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    output = process.stdout.read() if process.stdout else ""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    peak = re.search(r"^VmHWM:\s+(\d+) kB", output, re.MULTILINE)
    if process.returncode or not peak:
        raise RuntimeError(f"exit code {process.returncode}: {program}")
    return Start(1000 * (usage.ru_utime + usage.ru_stime), int(peak[1]) * 1024 / MIB)


def install(name: str, requirements: Iterable[str], python: str = sys.executable) -> Path:
    """Install packages into a folder of build/bench, once, and write their bytecode."""
    site = SITES / name
    words = list(requirements)
    if (done := site / ".requirements").exists() and done.read_text() == " ".join(words):
        return site
    shutil.rmtree(site, ignore_errors=True)
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    target = ["--python", python, "--target", str(site), "--compile-bytecode"]
    subprocess.run([uv, "pip", "install", "--quiet", *target, *words], check=True, cwd=ROOT)  # noqa: S603 - ours
    done.write_text(" ".join(words))
    return site


def size_mb(*folders: Path) -> float:
    """Return the megabytes of the files that a package would ship: no bytecode, no scripts."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sum(path.stat().st_size for path in files if path.suffix != ".pyc") / 1e6


def measure_function(part: Part, name: str, runtime: Path, sdk: Path) -> None:
    """Measure the start of one function."""
    service, module = FUNCTIONS[name]
    folder = ROOT / "functions" / name.lower()
    site = install(name.lower(), ["--no-deps", "-r", f"{folder}/requirements.txt"])
    book = [TEXTBOOK, sdk if module == "ask_with_sdk" else runtime]
    programs = {
        name: (f"import {name.lower()}.app", [folder, site, runtime]),
        BOOK: (f"import {module}", book),
        FLOOR: (f"import boto3; boto3.client({service!r})", [runtime]),
    }
    memory: dict[str, list[float]] = {one: [] for one in programs}

    def cpu_of(one: str) -> float:
        taken = start(*programs[one])
        memory[one].append(taken.peak_mib)
        return taken.cpu_ms

    measured = interleaved({one: _bound(cpu_of, one) for one in programs}, BUDGET_S, MOST_RUNS)
    kept = {one: values[1:] for one, values in memory.items()}  # the first was the warm-up
    for quantity, values, unit in (("CPU time of a start", measured, "ms"), ("peak memory", kept, "MiB")):
        part.ratios += [
            ratio_of(values, name, beside, quantity=quantity, case=name, unit=unit)
            for beside in (BOOK, FLOOR)
        ]
    beside = size_mb(sdk) if module == "ask_with_sdk" else 0.0
    shipped = Count(f"{name}: packages and code", size_mb(site, folder), beside, BOOK, "MB", "counted")
    part.counts.append(shipped)
    print(f"{name}: {part.ratios[-4:]} {shipped}", file=sys.stderr)


def _bound(measure: Callable[[str], float], one: str) -> Callable[[], float]:
    return lambda: measure(one)


def state_of_a_photo() -> Count:
    """Count what one photo puts into the workflow's state."""
    data = encoded(picture(*SIZES["12 MP"]), "JPEG")
    image = serialize_image(data, INPUT_SIZE, MAX_PIXELS)
    return Count(
        f"`image_data` of a JPEG of 12 MP ({len(data) / 1e6:.1f} MB); Step Functions allows {STATE_BYTES:,}",
        len(image["image_data"]),
        -(-len(data) // 3) * 4,
        BOOK,
        "bytes",
        "counted",
    )


def measure() -> Part:
    """Measure each function."""
    part = Part("Functions: start, memory, size", METHOD)
    runtime = install("runtime", ["boto3"])
    sdk = install("textbook", ["-r", str(TEXTBOOK / "requirements.txt")])
    for name in FUNCTIONS:
        measure_function(part, name, runtime, sdk)
    part.counts.append(state_of_a_photo())
    return part


if __name__ == "__main__":
    keep("cold_starts", measure())
