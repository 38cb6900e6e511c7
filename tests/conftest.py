"""Fixtures for tests of every layer: the repository's root, and an emulated AWS on free ports."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from scones.local import emulator, servers
from scones.local.address import Address
from scones.local.processes import Processes
from tests.support import ROOT, free_address

# If a test run is killed, its local clouds are stopped too.
os.environ[emulator.OWNER_SETTING] = str(os.getpid())

# Properties are tried with the same examples in every run, and no clock runs against them: a test that fails for one
# example of many, or on a busy machine, fails in somebody else's change. `--hypothesis-profile=default` looks further.
settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")

# Fixtures of a cloud that more than one module uses; each is started once if its tests run in one process.
SHARED_CLOUDS = ("shared_cloud", "guarded", "chaos_cloud", "console_cloud", "emulated_aws")


# What takes minutes in one worker: a test, or all tests of a cloud.
LONGEST = {"test_the_notebook_runs", "guarded", "chaos_cloud"}


def takes_long(item: pytest.Item) -> bool:
    """Whether a test is one of those that take longest, or shares its cloud with them."""
    return not LONGEST.isdisjoint({item.name, *getattr(item, "fixturenames", [])})


@pytest.hookimpl(tryfirst=True)  # before xdist's own, which reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the tests of one cloud, so that parallel workers (`--dist loadgroup`) do not each start it.

    Tests that start and stop a cloud themselves, through `shell`, need no company. Those that take longest come first:
    begun last, one would run alone while the other worker has nothing left to do.
    """
    items.sort(key=takes_long, reverse=True)
    for item in items:
        names: list[str] = getattr(item, "fixturenames", [])
        if item.get_closest_marker("local_cloud") and "shell" not in names:
            shared = (name for name in SHARED_CLOUDS if name in names)
            item.add_marker(pytest.mark.xdist_group(next(shared, item.nodeid.partition("::")[0])))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fail if xdist does not see the groups: every worker would start every cloud."""
    grouped = session.config.getoption("loadgroup", default=False)
    if grouped and not all(
        "@" in item.nodeid for item in session.items if item.get_closest_marker("xdist_group")
    ):
        message = "pytest-xdist does not group tests with this version of pytest"
        raise pytest.UsageError(message)


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="module")
def expressions_without_a_clock() -> Iterator[None]:
    """MiniStack evaluates expressions as the local cloud lets it; alone, it ends each after a second of wall clock."""
    from ministack.services import stepfunctions

    from scones.local.ministack.step_functions import evaluate_without_a_clock

    jsonata = stepfunctions.jsonata.Jsonata
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonata, "jsonata", staticmethod(jsonata.jsonata))
        evaluate_without_a_clock()
        yield


@pytest.fixture(scope="session")
def address() -> Address:
    return free_address()


@pytest.fixture(scope="session")
def emulated_aws(address: Address, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    """An emulated AWS without the product, whose waits and retries take no time."""
    processes = Processes(tmp_path_factory.mktemp("aws") / "logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFN_WAIT_SCALE", "0")
        servers.start_aws(processes, address, ROOT, concurrency=4)
    try:
        servers.wait_for_aws(processes, address)
        yield address
    finally:
        processes.stop()
