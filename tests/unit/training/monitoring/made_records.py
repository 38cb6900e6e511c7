"""Records as the endpoint and the workflow write them."""

from __future__ import annotations

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

CLASSES = ("bicycle", "motorcycle")


def png(width: int = 48, height: int = 32, grey: int = 51) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (grey,) * 3).save(buffer, "PNG")
    return buffer.getvalue()


def capture(answer: Any = (0.1, 0.9), encoding: str = "JSON", **changes: Any) -> dict[str, Any]:
    text = json.dumps(answer)
    data = base64.b64encode(text.encode()).decode() if encoding == "BASE64" else text
    return {
        "captureData": {
            "endpointInput": {
                "observedContentType": "image/png",
                "mode": "INPUT",
                "data": base64.b64encode(png()).decode(),
                "encoding": "BASE64",
            },
            "endpointOutput": {
                "observedContentType": "application/json",
                "mode": "OUTPUT",
                "data": data,
                "encoding": encoding,
            },
        },
        "eventMetadata": {"eventId": "1", "inferenceTime": "2026-11-21T08:30:00Z"},
        "eventVersion": "0",
    } | changes


def result(**changes: Any) -> dict[str, Any]:
    return {
        "outcome": "passed",
        "image": {"size": 4096},
        "label": "bicycle",
        "confidence": 0.93,
        "finished_at": "2026-11-21T08:30:00.000Z",
    } | changes


def spread_captures(folder: Path, answers: list[list[float]], start: datetime, step: timedelta) -> Path:
    """Write captures as SageMaker lays them out, without a picture."""
    for index, answer in enumerate(answers):
        moment = start + index * step
        made = capture(answer, "BASE64" if index % 2 else "JSON")
        del made["captureData"]["endpointInput"]
        made["eventMetadata"]["inferenceTime"] = moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        path = folder / moment.strftime("vehicles/AllTraffic/%Y/%m/%d/%H") / f"00-00-000-{index}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made) + "\n")
    return folder


def answers(count: int, unsure: float, seed: int = 0) -> list[list[float]]:
    rng = np.random.default_rng(seed)
    sure = np.where(rng.random(count) < unsure, rng.uniform(0.5, 0.8, count), rng.uniform(0.85, 1, count))
    swap = rng.random(count) < 0.5
    return [
        [float(p), float(1 - p)] if flip else [float(1 - p), float(p)]
        for p, flip in zip(sure, swap, strict=True)
    ]


def documents(count: int, unsure: float) -> dict[str, dict[str, Any]]:
    rng = np.random.default_rng(count)
    found = {}
    for index in range(count):
        review = rng.random() < unsure
        made = result(
            outcome="review" if review else "passed",
            label=CLASSES[index % 2],
            confidence=float(rng.uniform(0.5, 0.8) if review else rng.uniform(0.85, 1)),
            finished_at=(datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=index)).isoformat(),
        )
        found[f"{made['outcome']}/{made['label']}/{index}.json"] = made
    found["rejected/x/1.json"] = result(outcome="rejected", label=None, confidence=None)
    return found
