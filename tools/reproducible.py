"""Build the functions twice, with the differences of two machines, and compare the results.

    python -m tools.reproducible [Filter]

prints the hash of each function's build: the name that `sam deploy` gives its code in S3. It exits with 1 if the
builds differ, and prints the files.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from samcli.lib.utils.hash import dir_checksum

from scones.local.address import tool_path
from scones.local.sam import SOURCES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT: Final = Path(__file__).parents[1]
# Folder, file times, and other things that may leak into a build: order of sets, time zone, modes of new files.
MACHINES: Final[tuple[tuple[str, int, int, dict[str, str]], ...]] = (
    ("here", 1_000_000_000, 0o022, {"PYTHONHASHSEED": "1", "TZ": "UTC"}),
    ("another/folder of another machine", 1_700_000_000, 0o077, {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo"}),
)


def build_twice(folder: Path, function: str | None = None) -> list[Path]:
    """Run `sam build` in two copies of the sources below an empty folder; return both results.

    Parameters
    ----------
    function
        The logical id of one function; all of them by default.

    Raises
    ------
    subprocess.CalledProcessError
        When a build fails, with SAM's output.
    """
    builds = []
    for name, age, umask, variables in MACHINES:
        copy_sources(folder / name, age)
        builds.append(sam_build(folder / name, function, variables, umask))
    return builds


def copy_sources(target: Path, age: int = 0) -> None:
    """Copy the inputs of `sam build` to a new folder, all with this modification time."""
    target.mkdir(parents=True)
    for source in (ROOT / source for source in SOURCES):
        if source.is_dir():
            shutil.copytree(source, target / source.name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    for path in target.rglob("*"):
        os.utime(path, (age, age))


def sam_build(folder: Path, function: str | None, variables: Mapping[str, str], umask: int = -1) -> Path:
    """Run `sam build` without its cache, and return the folder that it wrote."""
    command = shutil.which("sam", path=tool_path()) or "sam"
    own = {"PATH": tool_path(), "SAM_CLI_TELEMETRY": "0", "__SAM_CLI_APP_DIR": str(folder / ".sam")}
    subprocess.run(
        [command, "build", "--no-cached", *([function] if function else [])],
        cwd=folder,
        env={**os.environ, **own, **variables},
        umask=umask,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return folder / ".aws-sam" / "build"


def differing_files(one: Path, other: Path) -> list[str]:
    """Return the paths that exist in only one of two folders, or whose content differs."""
    left, right = _contents(one), _contents(other)
    return sorted(path for path in left.keys() | right.keys() if left.get(path) != right.get(path))


def _contents(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main(arguments: Sequence[str]) -> int:
    """Run the command line."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            one, other = build_twice(Path(folder), next(iter(arguments), None))
        except subprocess.CalledProcessError as error:
            print(error.output, file=sys.stderr)
            return 1
        for function in sorted(path.parent for path in one.rglob("requirements.txt")):
            print(f"{dir_checksum(str(function))}  {function.name}")
        differing = differing_files(one, other)
    for path in differing:
        print(f"differs: {path}", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
