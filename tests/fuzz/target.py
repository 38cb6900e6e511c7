"""One coverage-guided fuzz target, in a separate process: `python -m tests.fuzz.target TARGET STATS [OPTIONS]`.

The options are libFuzzer's. A finding does not end it: of each kind and place the first is kept as a file beside STATS.
"""

import hashlib
import json
import random
import sys
import traceback
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import monotonic

import atheris

from tests.fuzz import checks, properties, seeds

ENOUGH = 20  # findings
MENDED = 0.7  # share of the mutated PNGs whose checksums are made right


@dataclass(slots=True)
class Stats:
    """What a target did so far."""

    executions: int = 0
    accepted: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    largest_mib: float = 0.0
    max_rss_mib: float = 0.0
    findings: dict[str, str] = field(default_factory=dict)  # kind and place: file


class Target:
    """Runs a check on each input and keeps count."""

    def __init__(self, name: str, file: Path) -> None:
        self.check = checks.load(name)
        self.name, self.file, self.stats = name, file, Stats()
        self.written = 0.0

    def __call__(self, data: bytes) -> None:
        """Check one input of the fuzzer."""
        stats = self.stats
        stats.executions += 1
        with properties.measured() as cost:
            try:
                stats.accepted += self.check(data) == "accepted"
            except Exception as error:  # noqa: BLE001 - to be found is what they are here for
                self.keep(data, _place(error))
        if cost.seconds > stats.slowest_s:
            stats.slowest_s, stats.slowest = cost.seconds, self.save(data, "slowest")
        stats.largest_mib = max(stats.largest_mib, cost.mib)
        try:
            properties.within_bounds(cost)
        except properties.ViolationError as error:
            self.keep(data, str(error).split(";")[1])
        if monotonic() - self.written > 1:
            self.write()

    def keep(self, data: bytes, what: str) -> None:
        """Keep the first input of a kind of finding."""
        if what not in self.stats.findings and len(self.stats.findings) < ENOUGH:
            self.stats.findings[what] = self.save(data, hashlib.sha256(what.encode()).hexdigest()[:10])
            self.write()

    def save(self, data: bytes, name: str) -> str:
        """Write an input to a file."""
        file = self.file.with_name(f"{self.name}-{name}.bin")
        file.write_bytes(data)
        return file.name

    def write(self) -> None:
        """Write the statistics for the parent process: libFuzzer ends this one without notice to Python."""
        self.written = monotonic()
        self.stats.max_rss_mib = properties.peak_mib(self.stats.max_rss_mib)
        with suppress(FileNotFoundError):
            self.file.write_text(json.dumps(asdict(self.stats)))


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Mutate like libFuzzer, then correct the checksums of most PNGs."""
    changed: bytes = atheris.Mutate(data, max_size)
    if random.Random(seed).random() < MENDED:  # noqa: S311
        changed = seeds.with_checksums(changed)
    return changed


def _place(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    what = str(error).split(":")[0] if isinstance(error, properties.ViolationError) else type(error).__name__
    return f"{what} at {Path(last.filename).name}:{last.lineno}"


def main() -> None:
    """Fuzz until the limits of libFuzzer's options."""
    name, file, *options = sys.argv[1:]
    with atheris.instrument_imports(include=["PIL", "pillow_heif", "json", checks.PACKAGES[name]]):
        target = Target(name, Path(file))
    mutator = {"custom_mutator": mutated} if name == "serialize" else {}
    atheris.Setup([sys.argv[0], *options], target, **mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
