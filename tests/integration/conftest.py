"""A local cloud as a user has it: started by `scones up` on free ports, with every part real."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_cloud.cloud import LocalCloud, open_cloud
from tests.local_cloud.shell import Shell


@pytest.fixture
def shell(root: Path, tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(root, tmp_path / "state")
    yield shell
    shell.kill_processes()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the test that destroys what modules share after all of them."""
    items.sort(key=lambda item: item.get_closest_marker("last_of_the_shared_cloud") is not None)


@pytest.fixture(scope="session")
def shared_cloud(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """The cloud that modules share: starting one takes longer than most of them."""
    with open_cloud(Shell(root, tmp_path_factory.mktemp("cloud") / "state")) as cloud:
        yield cloud


@pytest.fixture(scope="module")
def cloud(shared_cloud: LocalCloud) -> LocalCloud:
    """A cloud in which nothing has happened yet."""
    return shared_cloud.emptied()
