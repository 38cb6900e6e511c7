"""The state machine of this repository on the emulated AWS, with functions whose answers the test scripts."""

import pytest

from scones.local.address import Address
from tests.workflow.deployment import deployed_workflow
from tests.workflow.harness import Workflow


@pytest.fixture(scope="session")
def workflow(emulated_aws: Address) -> Workflow:
    return deployed_workflow(emulated_aws)
