"""Fuzz every target and print one line of results for each: `python -m tests.fuzz.run --seconds 600`.

Needs atheris (`uv sync --group fuzz`, or `make fuzz`, which does that). Exits with 1 when anything was found.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.fuzz import checks

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "fuzz"
HUNG_S, DEAD_MIB = 30, 1500  # where libFuzzer ends a target; the checked limits are much lower
MAX_BYTES = 65_536  # bytes of an input: larger ones find little more, and slowly
RUNS = re.compile(r"Done (\d+) runs in (\d+) second")


def environment(name: str) -> dict[str, str]:
    """Return the environment of a process that loads a target: its function's folder is on the path, as in Lambda."""
    return os.environ | {"PYTHONPATH": str(checks.FUNCTIONS / checks.PACKAGES[name])}


def fuzz(name: str, seconds: int, seed: int) -> dict[str, Any]:
    """Run one target in a separate process with a new corpus; return its counts and findings."""
    for old in BUILD.glob(f"{name}-*.bin"):
        old.unlink()
    BUILD.mkdir(parents=True, exist_ok=True)
    stats, log = BUILD / f"{name}.json", BUILD / f"{name}.log"
    stats.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(checks.corpus(name)):
            (Path(folder) / f"{number:03}").write_bytes(data)
        options = [
            f"-max_total_time={seconds}",
            f"-max_len={MAX_BYTES}",
            f"-timeout={HUNG_S}",
            f"-rss_limit_mb={DEAD_MIB}",
            f"-artifact_prefix={BUILD / name}-",
            *([f"-seed={seed}"] if seed else []),
        ]
        command = [sys.executable, "-m", "tests.fuzz.target", name, str(stats), folder, *options]
        with log.open("wb") as output:
            code = subprocess.run(
                command, cwd=ROOT, env=environment(name), stdout=output, stderr=output, check=False
            ).returncode
    done: dict[str, Any] = json.loads(stats.read_text()) if stats.exists() else {}
    done["code"] = code
    if ended := RUNS.search(text := log.read_text(errors="replace")):
        done["executions"], done["seconds"] = int(ended[1]), int(ended[2])
    elif code:
        made = re.search(r"Test unit written to (\S+)", text)
        done.setdefault("findings", {})[f"the process ended with {code}, see {log.relative_to(ROOT)}"] = (
            Path(made[1]).name if made else ""
        )
    return done


def confirmed(name: str, file: str, what: str) -> bool:
    """Whether a finding is reproducible without the fuzzer, which slows everything down."""
    if not file:
        return True
    command = [sys.executable, "-m", "tests.fuzz.reproduce", name, str(BUILD / file)]
    again = subprocess.run(command, cwd=ROOT, env=environment(name), capture_output=True, check=False)
    return again.returncode != 0 or what.startswith("the process ended")


def line(name: str, done: dict[str, Any], found: dict[str, str]) -> str:
    """One line about one target."""
    return (
        f"{name}: {done.get('executions', 0)} executions in {done.get('seconds', '?')} s"
        f" ({done.get('accepted', 0)} accepted), max RSS {done.get('max_rss_mib', 0):.0f} MiB,"
        f" slowest input {done.get('slowest_s', 0):.2f} s, largest {done.get('largest_mib', 0):.0f} MiB,"
        f" findings {len(found)}"
    )


def main() -> int:
    """Fuzz, print, and return the exit status."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    arguments.add_argument("targets", nargs="*", default=list(checks.PACKAGES), help="serialize, prediction")
    arguments.add_argument("--seconds", type=int, default=600, help="for each target")
    arguments.add_argument("--seed", type=int, default=0, help="of libFuzzer; another each time without it")
    options = arguments.parse_args()
    if unknown := set(options.targets) - set(checks.PACKAGES):
        arguments.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(checks.PACKAGES)}")
    if importlib.util.find_spec("atheris") is None:
        sys.stdout.write("not fuzzed: atheris is not installed (it has packages for Linux on x86-64 only)\n")
        return 0
    total = 0
    for name in options.targets:
        done = fuzz(name, options.seconds, options.seed)
        findings = done.get("findings", {})
        found = {what: file for what, file in findings.items() if confirmed(name, file, what)}
        sys.stdout.write(line(name, done, found) + "\n")
        for what, file in found.items():
            command = f"PYTHONPATH=functions/{checks.PACKAGES[name]} python -m tests.fuzz.reproduce"
            again = f"  {command} {name} build/fuzz/{file}" if file else ""
            sys.stdout.write(f"  {what}\n{again}\n")
        total += len(found)
    return 1 if total else 0


if __name__ == "__main__":
    sys.exit(main())
