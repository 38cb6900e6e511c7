"""From the paths a user names to the files to upload and the key of each."""

import os
import stat
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scones.errors import SconesError
from scones.terminal import comma, shown

MAX_KEY_BYTES = 1024
MAX_PUT_BYTES = 5 * 1024**3
"""S3's limit for one PutObject; the workflow rejects far smaller files, with a reason."""
_MAGIC = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to upload.

    `depth` counts the last parts of its absolute path that name it in the bucket.
    """

    path: Path
    depth: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the absolute path, without `..` and the root."""
        return _normal(self.path).parts[1:]


@dataclass(slots=True)
class Planned:
    """A file and its key below the drop's folder, or the problem that keeps it from being uploaded."""

    path: Path
    key: str | None
    problem: str | None = None


@dataclass(slots=True)
class FoundFiles:
    """What was found: files in the order they were named, folders that cannot be listed, and what was skipped."""

    files: list[Source] = field(default_factory=list)
    unlisted: dict[Path, Planned] = field(default_factory=dict)
    hidden: int = 0
    linked_folders: int = 0

    def add_unlisted(self, error: OSError) -> None:
        """Note a folder whose files are unknown: what is in it is not uploaded."""
        folder = Path(error.filename)
        problem = f"not uploaded: the folder cannot be listed: {error.strerror or error}"
        self.unlisted.setdefault(_normal(folder), Planned(folder, None, problem))

    def notices(self) -> Iterator[str]:
        """Say what was skipped, a line for each kind."""
        if self.hidden:
            yield f"skipped {comma(self.hidden, 'hidden entry', 'hidden entries')}: name one to drop it"
        if self.linked_folders:
            links = comma(self.linked_folders, "linked folder", "linked folders")
            yield f"skipped {links}: name one to drop what is in it"


def find_files(names: Iterable[str]) -> FoundFiles:
    """Expand files, folders (recursively) and globs (`**` too) to files, each once.

    Hidden files are skipped unless named. A name that exists is never taken for a glob.

    Raises
    ------
    SconesError
        When a name stands for nothing.
    """
    found = FoundFiles()
    seen: set[Path] = set()
    for name in names:
        for source in _expand(name, found):
            absolute = _normal(source.path)
            if absolute not in seen:
                seen.add(absolute)
                found.files.append(source)
    return found


def plan_keys(sources: Iterable[Source], prefix: str) -> list[Planned]:
    """Give every file its key: the prefix and its path as named.

    Files that would share a key (`/a/1.png` and `/b/1.png`) get as many of their parent folders as
    tell them apart.
    """
    sources = list(sources)
    depths = _distinct_depths(sources)
    return [_plan(source, depth, prefix) for source, depth in zip(sources, depths, strict=True)]


def _expand(name: str, found: FoundFiles) -> Iterator[Source]:
    path = Path(name)
    if path.is_dir():
        yield from _walk(path, _named_depth(path), found)
    elif os.path.lexists(path):
        yield Source(path, _named_depth(path))
    elif _MAGIC & set(name):
        yield from _glob(path, found)
    else:
        message = f"no such file or folder: {shown(name)}"
        raise SconesError(message)


def _named_depth(path: Path) -> int:
    """Count the parts that name a path: all as typed, only the last where they would say where home is."""
    if path.is_absolute() or ".." in path.parts:
        return min(1, len(_normal(path).parts) - 1)
    return len(path.parts)


def _walk(folder: Path, depth: int, found: FoundFiles) -> Iterator[Source]:
    for parent, folders, files in folder.walk(on_error=found.add_unlisted):
        found.hidden += sum(_is_hidden(name) for name in (*folders, *files))
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        below = len(parent.parts) - len(folder.parts)
        for name in sorted(name for name in files if not _is_hidden(name)):
            if (parent / name).is_dir():
                found.linked_folders += 1  # Path.walk lists a link to a folder as a file
            else:
                yield Source(parent / name, depth + below + 1)


def _glob(pattern: Path, found: FoundFiles) -> Iterator[Source]:
    fixed = next(index for index, part in enumerate(pattern.parts) if _MAGIC & set(part))
    base = Path(*pattern.parts[:fixed])
    magic = pattern.parts[fixed:]
    base_depth = 0 if base.is_absolute() or ".." in base.parts else len(base.parts)
    wants_hidden = any(_is_hidden(part) for part in magic)
    matches = 0
    _note_unlisted(base, magic, found, wants_hidden=wants_hidden)
    for match in sorted(base.glob(str(Path(*magic)))):
        below = match.parts[len(base.parts) :]
        if not wants_hidden and any(_is_hidden(part) for part in below):
            found.hidden += 1
            continue
        matches += 1
        if not match.is_dir():
            yield Source(match, base_depth + len(below))
        elif below:
            yield from _walk(match, base_depth + len(below), found)
    if not matches and not found.unlisted:
        message = f"nothing matches {shown(str(pattern))}"
        raise SconesError(message)


def _note_unlisted(base: Path, magic: tuple[str, ...], found: FoundFiles, *, wants_hidden: bool) -> None:
    """Note the folders that a glob has to look into and cannot: Path.glob passes over them in silence."""
    for index in range(len(magic)):
        for folder in sorted(base.glob(str(Path(*magic[:index])))) if index else [base]:
            below = folder.parts[len(base.parts) :]
            if folder.is_dir() and (wants_hidden or not any(_is_hidden(part) for part in below)):
                try:
                    os.scandir(folder).close()
                except OSError as error:
                    found.add_unlisted(error)


def _distinct_depths(sources: list[Source]) -> list[int]:
    depths = [source.depth for source in sources]
    parts = [source.parts for source in sources]
    crowded = set(range(len(sources)))
    while crowded:
        sharing: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
        for index in range(len(sources)):
            sharing[parts[index][-depths[index] :]].append(index)
        crowded = {index for group in sharing.values() if len(group) > 1 for index in group}
        for index in crowded:
            depths[index] = min(depths[index] + 1, len(parts[index]))
    return depths


def _plan(source: Source, depth: int, prefix: str) -> Planned:
    key = prefix + "/".join(source.parts[-depth:])
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return Planned(source.path, None, "not uploaded: its name is not UTF-8, rename it")
    if size > MAX_KEY_BYTES:
        problem = f"not uploaded: its key would have {size:,} bytes, S3 allows {MAX_KEY_BYTES:,}"
        return Planned(source.path, None, problem)
    return Planned(source.path, key, _file_problem(source.path))


def _file_problem(path: Path) -> str | None:
    try:
        status = path.stat()
    except OSError as error:
        return f"not uploaded: {error.strerror or error}"
    if not stat.S_ISREG(status.st_mode):
        return "not uploaded: not a regular file"
    if status.st_size > MAX_PUT_BYTES:
        return "not uploaded: larger than 5 GiB, the limit of one upload"
    return None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") and name not in {".", ".."}


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path.absolute()))
