"""An audit that could look nothing up is no pass."""

from pathlib import Path

import pytest

from tools.audited_packages import main

PACKAGES = "".join(f"package-{number}==1.0 \\\n    --hash=sha256:abc\n" for number in range(20))
UNKNOWN = "package-{0} Dependency not found on PyPI and could not be audited: package-{0} (1.0)\n"


@pytest.mark.parametrize(("unknown", "code"), [(0, 0), (2, 0), (3, 1), (20, 1)])
def test_most_packages_must_have_been_looked_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unknown: int, code: int
) -> None:
    packages, report = tmp_path / "packages.txt", tmp_path / "report.txt"
    packages.write_text(PACKAGES)
    report.write_text("Name Skip Reason\n" + "".join(UNKNOWN.format(number) for number in range(unknown)))

    assert main([str(packages), str(report)]) == code

    printed = capsys.readouterr()
    assert f"{20 - unknown} of 20 packages were looked up" in printed.out + printed.err
    assert ("the audit is not valid" in printed.err) == bool(code)
