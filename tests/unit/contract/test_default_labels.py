"""The default labels are those of the model that ships, wherever they stand."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from tools.transformed import TEMPLATE, template

if TYPE_CHECKING:
    from pathlib import Path


def test_template_model_events_and_training_have_the_same_default_labels(root: Path) -> None:
    labels = template(TEMPLATE)["Parameters"]["Labels"]["Default"].split(",")
    model = json.loads((root / "endpoint" / "model" / "baseline.json").read_text())["model"]
    assert model["labels"] == labels
    assert len(json.loads((root / "events" / "filter.json").read_text())["inferences"]) == len(labels)
    for name in ("data.py", "learning/train_options.py"):
        (default,) = re.findall(r'"--classes",\s+default="([^"]+)"', (root / "training" / name).read_text())
        assert default.split(",") == labels, name
