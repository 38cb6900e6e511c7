"""What `scones verify` drops has one folder, and every rule of it says the same."""

import pytest

from filter import draw as of_filter
from scones import result_documents as of_scones
from scones.result_documents import outcome_prefixes
from scones.verify.run_resources import RunNames
from training import verification_images as of_training


@pytest.mark.parametrize(
    "key",
    [
        "incoming/scones-verify/20261126T201500Z-4f2a1c/bicycle.png",
        "incoming/scones-verify/x",
        "incoming/scones-verify",
        "incoming/scones-verify-2/x",
        "incoming/a/scones-verify/x",
        "photos/a-scones-verify/x",
        "scones-verify/x",
        "",
    ],
)
def test_all_packages_leave_out_the_same_images(key: str) -> None:
    left_out = of_scones.is_verification_image(key)
    assert left_out == (of_scones.VERIFICATION_FOLDER in key.split("/")[:-1])
    assert of_training.is_verification_image(key) == left_out
    assert (of_filter.VERIFICATION in f"/{key}") == left_out


def test_every_result_of_a_run_is_recognised_by_its_key() -> None:
    folder = RunNames.new().folder
    for prefix in outcome_prefixes(("bicycle", "scones-verify"), folder):
        assert of_scones.is_verification_result(f"{prefix}a.png/e.json")
    for prefix in outcome_prefixes(("bicycle", "scones-verify"), "couriers/"):
        assert not of_scones.is_verification_result(f"{prefix}a.png/e.json")
    assert of_training.is_verification_image(f"incoming/{folder}a.png")
