"""Every request that training.deploy can make fits AWS's own service models, whatever options it is given."""

from __future__ import annotations

import functools
import itertools
import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("botocore", reason="botocore is not installed")

from tests.fakes.aws_model import violations
from training.deploy import parser, release_of
from training.errors import ReleaseError
from training.release.endpoint_requests import plan
from training.release.model_release import MEMORY_MB

if TYPE_CHECKING:
    from collections.abc import Iterable

    Choices = tuple[Iterable[list[str]], ...]  # without `type`: training's Python may be 3.11

NAMES = ("a", "scones-image-classifier", "a" * 63)
DIGEST = "sha256:" + "0" * 64
REPOSITORY = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/scones-endpoint"
MODEL_DATA = "s3://models/triage/cb5df16abfe4/model.tar.gz"
ROLE = "arn:aws:iam::123456789012:role/service-role/endpoint"
COMMON = {"--image": f"{REPOSITORY}:cb5df16abfe4-0123456789ab", "--model-data": MODEL_DATA, "--role": ROLE}
MANY_ALARMS = [word for number in range(10) for word in ("--alarm", f"alarm-{number}")]
ROLLOUTS: Choices = (
    ([], ["--bake", "0"], ["--bake", "3600"]),
    ([], ["--alarm", "mine"], MANY_ALARMS),
    ([], ["--max-error-rate", "0"], ["--max-error-rate", "1", "--max-latency-ms", "1"]),
)
SERVERLESS = (
    [["--memory-mb", str(memory)] for memory in MEMORY_MB],
    [["--max-concurrency", count] for count in ("1", "200")],
)
INSTANCES: Choices = (
    [["--instance-type", kind] for kind in ("ml.c7i.large", "ml.g5.xlarge")],
    [["--min", "1", "--max", "1"], ["--min", "2", "--max", "100"]],
    ([], ["--capture", "s3://captured"], ["--capture", "s3://captured/here", "--capture-percent", "1"]),
    ([], ["--canary", "10"], ["--canary", "50"]),
    ([], ["--max-rps", "0.1"], ["--max-rps", "100000"]),
)
TWO_INSTANCES = ["--instance-type", "ml.c7i.large", "--min", "2"]
# Values at and beyond the edges: refused here with a sentence, or taken by AWS.
ODD = {
    "--endpoint-name": ("a--b", "-a", "Upper", "a" * 64, ""),
    "--image": ("x" * 254 + ":1", "x" * 250 + ":1", "a b:1", f"{REPOSITORY}@{DIGEST}", ":1"),
    "--model-data": (
        "s3:///cb5df16abfe4/m",
        "s3://b/" + "x" * 1100 + "/cb5df16abfe4/m",
        "s3://b/cb5df16abfe4/",
    ),
    "--role": (
        "arn:role",
        "endpoint",
        "arn:aws:iam::1:role/x",
        "arn:aws-us-gov:iam::123456789012:role/x",
        ROLE + " ",
    ),
    "--version": ("a" * 12, "0", "a--b", "a.b"),
    "--max-concurrency": ("0", "201"),
    "--max-error-rate": ("-1", "2", "nan"),
    "--max-latency-ms": ("0", "-5"),
    "--alarm": ("", " ", "x" * 255, "x" * 256),
    "--bake": ("-1", "1", "3601"),
    "--capture": ("s3://", "s3:///x", "s3://b", "s3://b/" + "x" * 506, "here"),
    "--capture-percent": ("0", "101"),
    "--max-rps": ("0", "nan", "inf", "1e300"),
    "--min": ("0", "3"),
    "--canary": ("9", "51", "0"),
    "--instance-type": ("m5.large", "", "ml.p5.48xlarge"),
}


def problems(options: Iterable[str]) -> list[str] | None:
    """Return what AWS's models have against the requests of these options; None where the options are refused."""
    try:
        release, rollout = release_of(parser("").parse_args(list(options)))
    except ReleaseError:
        return None
    calls = plan(release, rollout)
    return [
        line
        for call in calls
        for line in known_violations(call.service, call.operation, json.dumps(call.arguments))
    ]


@functools.cache
def known_violations(service: str, operation: str, arguments: str) -> tuple[str, ...]:
    """Return the violations of a request in JSON; the combinations make the same ones again and again."""
    return tuple(violations(service, operation, json.loads(arguments)))


def command(name: str, *groups: list[str]) -> list[str]:
    common = [f"{option}={value}" for option, value in COMMON.items()]
    return ["--endpoint-name", name, *common, *itertools.chain.from_iterable(groups)]


@pytest.mark.parametrize("name", NAMES, ids=len)
@pytest.mark.parametrize(
    ("hosting", "fewest"), [(SERVERLESS, 324), (INSTANCES, 1944)], ids=["serverless", "instances"]
)
def test_every_combination_of_options_makes_requests_that_aws_takes(
    name: str, hosting: tuple[list[list[str]], ...], fewest: int
) -> None:
    found, accepted = set[str](), 0
    for groups in itertools.product(*hosting, *ROLLOUTS):
        if (wrong := problems(command(name, *groups))) is not None:
            found.update(wrong)
            accepted += 1
    assert sorted(found) == []
    assert accepted == fewest


@pytest.mark.parametrize("option", ODD)
@pytest.mark.parametrize(
    "hosting", [[], ["--instance-type", "ml.c7i.large", "--min", "2"]], ids=["serverless", "instances"]
)
def test_a_value_that_aws_would_refuse_is_refused_before_the_call(hosting: list[str], option: str) -> None:
    for value in ODD[option]:
        assert problems([*command("name", hosting), f"{option}={value}"]) in (None, []), value
