"""The SAM CLI with two of its libraries at their fast settings: ``python -m scones.local.sam_cli deploy ...``.

Of the time that `sam deploy` computes, zlib's default level takes a third, and PyYAML's parser in Python, which reads
each template several times, a quarter. Neither changes what is deployed: the same files, the same templates.
"""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from _typeshed import SizedBuffer

FASTEST = 1


class QuickZipFile(zipfile.ZipFile):
    """A ZIP file whose members are written at zlib's fastest level where the writer names none."""

    def writestr(
        self,
        zinfo_or_arcname: str | zipfile.ZipInfo,
        data: SizedBuffer | str,
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        """Add a member."""
        level = FASTEST if compresslevel is None else compresslevel
        super().writestr(zinfo_or_arcname, data, compress_type, level)


def hasten() -> None:
    """Set both, before SAM imports them."""
    zipfile.ZipFile = QuickZipFile  # type: ignore[misc]
    if yaml.__with_libyaml__:
        yaml.SafeLoader = yaml.CSafeLoader


def main() -> None:
    """Run SAM's command line."""
    hasten()
    from samcli.cli.main import cli  # noqa: PLC0415 - after the settings

    cli(prog_name="sam")


if __name__ == "__main__":
    main()
