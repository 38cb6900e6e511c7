"""What the fixtures of scenarios are, for their tests to name."""

from collections.abc import Callable

from tests.local_cloud.scenario import Scenario
from tests.local_cloud.table import Row

WAIT_SCALE = 0.05
"""Seconds that a second of the workflow's waits and retries takes."""

type Begin = Callable[..., Scenario]
type Finish = Callable[[Row], None]
