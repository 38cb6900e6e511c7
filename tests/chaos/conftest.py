"""A local cloud for scenarios, and the table of what they came to."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scones.local.ministack.workflow_versions import CANARY_SETTING
from tests.chaos.local import Cloud
from tests.chaos.memory import PeakMemory
from tests.chaos.scenario import Scenario
from tests.chaos.stack import ENDED
from tests.chaos.table import Row, as_text, write
from tests.integration.conftest import Shell, ports

ROWS = pytest.StashKey[list[Row]]()
WAIT_SCALE = 0.05
CANARY_S = 30
"""What a gradual deployment takes; an alarm ends it earlier."""

type Begin = Callable[..., Scenario]
type Finish = Callable[[Row], None]


@pytest.fixture(scope="session")
def cloud(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """The cloud that scenarios share: starting one takes longer than most of them."""
    cloud = Cloud(Shell(root, tmp_path_factory.mktemp("chaos") / "state"))
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(CANARY_SETTING, str(CANARY_S))
            cloud.up(*ports())
        cloud.set_wait_scale(WAIT_SCALE)
        yield cloud
    finally:
        cloud.down()


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin a scenario on a cloud; its memory is watched until the end of the test."""
    with ExitStack() as stack:

        def begin_scenario(cloud: Cloud, name: str) -> Scenario:
            memory = stack.enter_context(PeakMemory(cloud.shell))
            before = cloud.stack.executions(*ENDED)
            return Scenario(name, uuid.uuid4().hex[:12], cloud.stack, memory, before=before)

        yield begin_scenario


@pytest.fixture
def finish(request: pytest.FixtureRequest) -> Finish:
    """Put a row into the table, and fail where something is wrong with it."""

    def finish_row(row: Row) -> None:
        request.config.stash.setdefault(ROWS, []).append(row)
        assert row.problems == [], row.scenario

    return finish_row


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    rows = config.stash.get(ROWS, [])
    if rows:
        terminalreporter.section("chaos")
        for line in as_text(rows):
            terminalreporter.write_line(line)
        write(rows, Path(config.rootpath) / "build")
