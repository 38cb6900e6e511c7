"""The command, on captures that the real local endpoint wrote, and on result documents."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from endpoint.predictor import SHIPPED_MODEL, Predictor
from tests.unit.training.monitoring.made_records import (
    CLASSES,
    answers,
    capture,
    documents,
    result,
    spread_captures,
)
from training import monitor
from training.evaluation import plot_kit
from training.evaluation.scoring import score_photos
from training.monitoring import baseline as baselines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from training.monitoring.baseline import Baseline

SAVE = plot_kit.save


@pytest.fixture(autouse=True)
def plots_are_drawn_but_not_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run puts its data on axes; only the tests of the files make PNGs, which takes most of a run."""
    monkeypatch.setattr(plot_kit, "save", lambda _drawn, path: path)


def picture(seed: int, light: float = 1.0) -> bytes:
    """Return a picture of soft blobs; the same seeds make the same pictures."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(60, 200, (5, 6, 3), np.uint8)).resize(
        (48, 40), Image.Resampling.BICUBIC
    )
    buffer = io.BytesIO()
    coarse.point(lambda value: value * light).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def predictor() -> Predictor:
    return Predictor(SHIPPED_MODEL)


@pytest.fixture(scope="module")
def baseline(predictor: Predictor, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Baseline]:
    """The baseline that evaluation writes of 200 pictures."""
    folder = tmp_path_factory.mktemp("evaluated")
    for seed in range(200):
        path = folder / "photos" / CLASSES[seed % 2] / f"{seed}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(seed))
    scored = score_photos(predictor, folder / "photos")
    model = (predictor.version, predictor.labels, predictor.input_size)
    observations = scored.observations(predictor.labels, 0.8)
    made = baselines.make_baseline(observations, baselines.EVALUATION, model, 0.8)
    baselines.save(made, folder / "baseline.json")
    return folder / "baseline.json", made


@pytest.fixture(scope="module")
def captured(predictor: Predictor, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Send pictures to the endpoint, and return the folder of its captures."""
    httpx = pytest.importorskip("httpx", reason="httpx is not installed: the endpoint is tested with it")
    pytest.importorskip("starlette", reason="starlette is not installed: it is of the endpoint's environment")
    from endpoint.app import create_app
    from endpoint.capture import DataCapture

    async def send(app: Any, pictures: list[bytes]) -> None:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://endpoint"
        ) as client:
            for data in pictures:
                answer = await client.post(
                    "/endpoints/vehicles/invocations", content=data, headers={"content-type": "image/png"}
                )
                assert answer.status_code == 200

    def capture_of(pictures: list[bytes]) -> Path:
        folder = tmp_path_factory.mktemp("captures")
        with DataCapture(folder) as capture:
            asyncio.run(send(create_app(predictor, "vehicles", capture), pictures))
        return folder

    return capture_of


def run(source: Path | str, output: Path, *options: Any, make_s3: Callable[[], Any] | None = None) -> int:
    arguments = [str(each) for each in (source, "--output", output, "--json", *options)]
    return monitor.main(arguments, make_s3) if make_s3 else monitor.main(arguments)


def report(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out))


def test_the_same_kind_of_image_is_no_drift(
    captured: Any, baseline: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = captured([picture(seed) for seed in range(1000, 1150)])
    assert run(folder, tmp_path, "--baseline", baseline[0], "--since", "1h") == 0
    found = report(capsys)
    assert (found["verdict"], found["predictions"], found["broken"]["count"]) == ("no drift", 150, 0)
    assert found["baseline"]["model_version"] == baseline[1].version
    assert {one["feature"] for one in found["findings"]} >= {
        "confidence",
        "review",
        "brightness",
        "contrast",
        "label",
    }
    assert sum(window["images"] for window in found["windows"]) == 150
    assert found == json.loads((tmp_path / "summary.json").read_text())


def test_darkened_images_are_drift(
    captured: Any, baseline: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = captured([picture(seed, light=0.4) for seed in range(1000, 1100)])
    assert run(folder, tmp_path, "--baseline", baseline[0]) == 1
    found = report(capsys)
    assert found["line"].startswith("drift: ")
    assert {"brightness", "contrast"} <= {one["feature"] for one in found["findings"] if one["drifted"]}
    assert found["line"] in (tmp_path / "summary.md").read_text()


def test_plots_are_written_where_matplotlib_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(
        "matplotlib", reason="matplotlib is not installed: plots are of training's environment"
    )
    monkeypatch.setattr(plot_kit, "save", SAVE)
    lines = [capture([0.3 + index / 100, 0.7 - index / 100]) for index in range(60)]
    (tmp_path / "captures.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    run(tmp_path / "captures.jsonl", tmp_path / "out", "--baseline", _week(tmp_path))
    check_plots(tmp_path / "out", "images")
    check_plots(tmp_path / "week-out")
    assert not (tmp_path / "week-out" / "images.png").exists()


def check_plots(folder: Path, *more: str) -> None:
    """See that each plot is there and named by the page."""
    page = (folder / "summary.md").read_text()
    over_time = ("confidence-over-time", "confidence-histogram", "review-over-time", "labels-over-time")
    for name in (*over_time, *more):
        with Image.open(folder / f"{name}.png") as image:
            assert min(image.size) > 300
        assert f"({name}.png)" in page


def test_strangers_are_drift_and_a_good_week_is_a_baseline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    good, hour = answers(168, 0.1), timedelta(hours=1)
    folder = spread_captures(tmp_path / "captures", good + answers(168, 0.7, 1), start, hour)
    week = ("--since", "2026-11-01T00:00Z", "--until", "2026-11-08T00:00Z")
    saved = ("--save-baseline", tmp_path / "week.json", "--labels", "bicycle,motorcycle")
    assert run(folder, tmp_path / "out", *week, *saved) in {
        0,
        1,
        3,
    }  # a shipped baseline judges it, or none does
    capsys.readouterr()
    assert baselines.load(tmp_path / "week.json").samples["confidence"].count == 168
    assert (
        run(folder, tmp_path / "out", "--baseline", tmp_path / "week.json", "--since", "2026-11-08T00:00Z")
        == 1
    )
    found = report(capsys)
    assert {one["feature"] for one in found["findings"] if one["drifted"]} == {"confidence", "review"}
    assert (found["predictions"], found["review_share"]) == (168, pytest.approx(0.7, abs=0.1))
    again = spread_captures(tmp_path / "again", answers(168, 0.1, 2), start, hour)
    assert run(again, tmp_path / "out", "--baseline", tmp_path / "week.json") == 0


def test_broken_lines_are_counted_and_named_and_never_fatal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    week = _week(tmp_path)
    capsys.readouterr()
    folder = spread_captures(
        tmp_path / "captures", answers(60, 0.2), datetime(2026, 11, 1, tzinfo=UTC), timedelta(0)
    )
    sound = json.dumps(capture())
    (folder / "torn.jsonl").write_text(f"{sound}\n{sound[:400]}\n\n{{}}\n{sound[:90]}")
    assert run(folder, tmp_path / "out", "--baseline", week) == 0
    streams = capsys.readouterr()
    found = json.loads(streams.out)
    assert (found["predictions"], found["broken"]["count"]) == (61, 3)
    assert [name.partition(": ")[0].rpartition("/")[2] for name in found["broken"]["first"]] == [
        "torn.jsonl:2",
        "torn.jsonl:4",
        "torn.jsonl:5",
    ]
    assert "3 records could not be read" in streams.err


def _week(tmp_path: Path) -> Path:
    folder = spread_captures(
        tmp_path / "week", answers(300, 0.2, 3), datetime(2026, 10, 1, tzinfo=UTC), timedelta(minutes=1)
    )
    options = [
        str(folder),
        "--output",
        str(tmp_path / "week-out"),
        "--labels",
        "bicycle,motorcycle",
        "--json",
    ]
    monitor.main([*options, "--save-baseline", str(tmp_path / "week.json")])
    return tmp_path / "week.json"


def test_result_documents_in_a_folder(tmp_path: Path) -> None:
    for name, made in documents(120, 0.1).items():
        path = tmp_path / "results" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made))
    (tmp_path / "results" / "odd.json").write_text("[]")
    assert run(tmp_path / "results", tmp_path / "out", "--baseline", _week(tmp_path)) == 0
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["predictions"] == 120
    assert found["outcomes"]["rejected"] == 1
    assert found["broken"] == {"count": 1, "first": [f"{tmp_path}/results/odd.json: not a JSON object"]}


def test_results_of_another_model_than_the_baselines_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results").mkdir()
    for number, version in enumerate(["old", "new", "new"]):
        made = result(endpoint={"name": "scones", "variant": None, "model_version": version})
        (tmp_path / "results" / f"{number}.json").write_text(json.dumps(made))
    week = _week(tmp_path)
    content = json.loads(week.read_text())
    content["model"]["version"] = "old"
    week.write_text(json.dumps(content))
    capsys.readouterr()
    monitor.main([str(tmp_path / "results"), "--baseline", str(week), "--output", str(tmp_path / "out")])
    assert "other models than the baseline's predicted here (new)" in capsys.readouterr().out
    found = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert found["model_versions"] == {"old": 1, "new": 2}


def test_result_documents_in_s3(s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, made in documents(80, 0.9).items():
        s3.put_object(Bucket="results", Key=name, Body=json.dumps(made).encode())
    week = _week(tmp_path)
    capsys.readouterr()
    assert run("s3://results/", tmp_path / "out", "--baseline", week, make_s3=lambda: s3) == 1
    found = report(capsys)
    assert (found["predictions"], found["files"]) == (80, 81)
    assert [one["feature"] for one in found["findings"] if one["drifted"]] == ["confidence", "review"]


def test_captures_in_s3_of_other_hours_are_not_fetched(
    s3: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    folder = spread_captures(tmp_path / "captures", answers(96, 0.1), start, timedelta(minutes=30))
    for path in folder.rglob("*.jsonl"):
        s3.put_object(Bucket="results", Key=path.relative_to(folder).as_posix(), Body=path.read_bytes())
    day = ("--since", "2026-11-02T00:00Z", "--until", "2026-11-02T12:00Z", "--min-samples", "20")
    week = _week(tmp_path)
    capsys.readouterr()
    assert run("s3://results", tmp_path / "out", *day, "--baseline", week, make_s3=lambda: s3) == 0
    found = report(capsys)
    assert (found["predictions"], found["files"], found["outside_time_range"]) == (24, 28, 4)


def test_too_few_are_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = spread_captures(
        tmp_path / "few", answers(10, 0.5), datetime(2026, 11, 1, tzinfo=UTC), timedelta(1)
    )
    assert run(folder, tmp_path / "out", "--baseline", _week(tmp_path)) == 3
    assert "not judged: 10 predictions, 50 are needed" in capsys.readouterr().out
    assert run(folder, tmp_path / "out", "--baseline", tmp_path / "week.json", "--since", "2026-12-01") == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["absent"], "no such folder"),
        (["."], "no captures"),
        ([".", "--since", "someday"], "neither a time"),
        ([".", "--baseline", "absent.json"], "absent.json: No such file"),
        (["s3://bucket"], "sign in"),
    ],
)
def test_what_is_wrong_is_one_line_and_code_2(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    def refuse() -> Any:
        exceptions = pytest.importorskip("botocore.exceptions", reason="boto3 is not installed")
        raise exceptions.NoCredentialsError

    monkeypatch.chdir(tmp_path)
    assert monitor.main([*options, "--output", "out"], refuse) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("training.monitor: ")
    assert message in line


def test_help_says_what_the_exit_codes_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        monitor.main(["--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert "0 no drift; 1 drift; 2 usage or input error; 3 not judged" in text
    assert "above 0.2" in text


def test_text_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = spread_captures(
        tmp_path / "one", answers(60, 0.2), datetime(2026, 11, 1, tzinfo=UTC), timedelta(1)
    )
    week = _week(tmp_path)
    capsys.readouterr()
    assert monitor.main([str(folder), "--baseline", str(week), "--output", str(tmp_path / "out")]) == 0
    text = capsys.readouterr().out
    assert "| confidence | " in text
    assert "no drift in " in text


def test_the_picture_in_a_capture_is_the_picture_that_was_sent(captured: Any) -> None:
    sent = picture(7)
    (path,) = captured([sent]).rglob("*.jsonl")
    line = json.loads(path.read_text())
    assert base64.b64decode(line["captureData"]["endpointInput"]["data"]) == sent


def test_documents_of_scones_verify_are_counted_apart(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    keys = ("incoming/1.png", "incoming/scones-verify/20261126T201500Z-4f2a1c/bicycle.png")
    for number, key in enumerate(keys):
        document = result(image={"size": 1, "key": key})
        (folder / f"{number}.json").write_text(json.dumps(document))
    output = tmp_path / "monitoring"
    monitor.main([str(folder), "--output", str(output), "--json"])
    found = json.loads((output / "summary.json").read_text())
    assert (found["predictions"], found["of_scones_verify"], found["outcomes"]) == (1, 1, {"passed": 1})
