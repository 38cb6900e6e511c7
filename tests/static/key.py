"""The policy of a customer's key, as docs/security.md prints it for people to use."""

import json
import re
from typing import Any

from tests.static.policies import ACCOUNT, REGION
from tests.support import ROOT


def key_policy() -> dict[str, Any]:
    """Return the page's policy for the account and region of the tests."""
    (block,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "security.md").read_text(), re.DOTALL)
    return dict(json.loads(block.replace("ACCOUNT", ACCOUNT).replace("REGION", REGION)))
