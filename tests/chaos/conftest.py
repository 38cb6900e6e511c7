"""A local cloud for scenarios, and the table of their results."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest

from scones.local.ministack.workflow_versions import CANARY_SETTING
from tests.chaos.scenarios import WAIT_SCALE, Begin, Finish
from tests.local_cloud.cloud import ENDED, LocalCloud, open_cloud, parameters
from tests.local_cloud.faults import set_wait_scale
from tests.local_cloud.mailbox import Mailbox
from tests.local_cloud.memory import PeakMemory
from tests.local_cloud.scenario import Scenario
from tests.local_cloud.shell import Shell
from tests.local_cloud.table import Row, as_text, write

ROW = "row of the chaos table"
CANARY_S = 30
"""Duration of a gradual deployment; an alarm ends it earlier."""


@pytest.fixture(scope="session")
def chaos_cloud(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The cloud that scenarios share: starting one takes longer than most of them."""
    shell = Shell(root, tmp_path_factory.mktemp("chaos") / "state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CANARY_SETTING, str(CANARY_S))
        # Without the breaker, whose minutes are real where the workflow's are scaled: test_outage.py has it.
        with open_cloud(shell, *parameters("BreakerShare=0")) as cloud:
            patch.undo()
            set_wait_scale(cloud, WAIT_SCALE)
            yield cloud


@pytest.fixture
def cloud(chaos_cloud: LocalCloud) -> LocalCloud:
    return chaos_cloud


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begin a scenario on a cloud; its memory is watched until the end of the test."""
    with ExitStack() as stack:

        def begin_scenario(cloud: LocalCloud, name: str) -> Scenario:
            memory = stack.enter_context(PeakMemory(cloud.shell))
            reviews, alerts = Mailbox(cloud, "ReviewTopicArn"), Mailbox(cloud, "AlertTopicArn")
            before = cloud.execution_arns(*ENDED)
            return Scenario(name, uuid.uuid4().hex[:12], cloud, reviews, alerts, memory, before=before)

        yield begin_scenario


@pytest.fixture
def finish(request: pytest.FixtureRequest) -> Finish:
    """Add a row to the table, and fail if it has violations.

    It travels with the test's report, because the test may run in a worker and the table is printed by its parent.
    """

    def finish_row(row: Row) -> None:
        request.node.user_properties.append((ROW, asdict(row)))
        assert row.problems == [], row.scenario

    return finish_row


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the table."""
    reports = [one for outcome in ("passed", "failed") for one in terminalreporter.getreports(outcome)]
    rows = [
        Row(**value)
        for report in reports
        if report.when == "call"
        for name, value in report.user_properties
        if name == ROW
    ]
    if rows:
        terminalreporter.section("chaos")
        for line in as_text(rows):
            terminalreporter.write_line(line)
        write(rows, Path(config.rootpath) / "build")
