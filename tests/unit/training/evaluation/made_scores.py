"""Scores of no model, for what reports and plots are made of."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from training.evaluation import metrics
from training.evaluation.report import measure


def made_up(classes: int) -> dict[str, Any]:
    """Return an evaluation's document, of scores drawn by chance."""
    rng = np.random.default_rng(classes)
    scores = metrics.softmax(rng.normal(0, 3, (400, classes)))
    labels = np.where(rng.random(400) < 0.8, scores.argmax(1), rng.integers(0, classes, 400))
    names = [f"class {index}" for index in range(classes)]
    return {
        "model": {
            "version": "made-up",
            "labels": names,
            "input_size": 32,
            "views": ["centre"],
            "temperature": 1.0,
        },
        "threshold": 0.8,
        "latency_ms_p50": 1.0,
        "latency_ms_p95": 2.0,
        "test": json.loads(json.dumps(measure(scores, labels, np.empty((0, classes)), 0.8, names))),
    }
