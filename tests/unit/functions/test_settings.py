from typing import Any

import pytest

from breaker.settings import Settings as BreakerSettings
from classify.settings import Settings as ClassifySettings
from filter.settings import Settings as FilterSettings
from serialize.settings import LARGEST_IMAGE
from serialize.settings import Settings as SerializeSettings
from sweep.settings import Settings as SweepSettings
from tests.unit.functions.environment import SETTINGS

SETTINGS_OF: dict[str, Any] = {
    "serialize": SerializeSettings,
    "classify": ClassifySettings,
    "filter": FilterSettings,
    "sweep": SweepSettings,
    "breaker": BreakerSettings,
}


def test_settings_are_what_the_template_sets() -> None:
    read = [
        SETTINGS_OF[name].from_environment(SETTINGS[name]) for name in ("serialize", "classify", "filter")
    ]
    assert read == [
        SerializeSettings(64, 26_214_400, 50_331_648),
        ClassifySettings("scones", ("bicycle", "motorcycle")),
        FilterSettings(("bicycle", "motorcycle"), {"bicycle": 0.8, "motorcycle": 0.8}),
    ]


@pytest.mark.parametrize("name", SETTINGS)
def test_missing_variables_are_all_named(name: str) -> None:
    with pytest.raises(ValueError, match=".*".join(SETTINGS[name])):
        SETTINGS_OF[name].from_environment({})


def test_serialize_names_every_bad_variable_at_once() -> None:
    bad = {"MODEL_INPUT_SIZE": "0", "MAX_OBJECT_BYTES": "1e6", "MAX_PIXELS": "-1"}
    with pytest.raises(ValueError, match=r"MODEL_INPUT_SIZE.*MAX_OBJECT_BYTES.*MAX_PIXELS"):
        SerializeSettings.from_environment(bad)


@pytest.mark.parametrize("text", ["", "abc", "3.5", "1025", "٣٢", "1_0", "9" * 5000, "0x20"])
def test_serialize_takes_whole_numbers_in_range(text: str) -> None:
    with pytest.raises(ValueError, match=r"MODEL_INPUT_SIZE must be a whole number from 1 to 1024"):
        SerializeSettings.from_environment({"MODEL_INPUT_SIZE": text})


def test_labels_may_have_spaces_inside() -> None:
    found = ClassifySettings.from_environment({"ENDPOINT_NAME": "scones-1", "LABELS": "house cat,dog,cow"})
    assert found == ClassifySettings("scones-1", ("house cat", "dog", "cow"))


@pytest.mark.parametrize("name", [None, "", " ", "a/b", "-a", "a" * 64])
def test_classify_names_every_bad_variable_at_once(name: str | None) -> None:
    environment = {"LABELS": "cat"} | ({} if name is None else {"ENDPOINT_NAME": name})
    with pytest.raises(ValueError, match=r"ENDPOINT_NAME.*LABELS"):
        ClassifySettings.from_environment(environment)


@pytest.mark.parametrize("labels", ["", "one", "a,", ",a", "a,a", "a,,b", "a, b", "a ,b", " a,b"])
def test_labels_are_two_or_more_and_different(labels: str) -> None:
    for settings in (ClassifySettings, FilterSettings):
        with pytest.raises(ValueError, match=r"LABELS"):
            settings.from_environment({"ENDPOINT_NAME": "e", "LABELS": labels})


@pytest.mark.parametrize("threshold", ["", "high", "nan", "inf", "-0.1", "1.01", "80%"])
def test_filter_takes_a_share(threshold: str) -> None:
    with pytest.raises(ValueError, match=r"LABELS.*CONFIDENCE_THRESHOLD"):
        FilterSettings.from_environment({"LABELS": "", "CONFIDENCE_THRESHOLD": threshold})


def test_filter_takes_a_threshold_for_each_label_and_refuses_a_name_that_is_no_label() -> None:
    environment = {**SETTINGS["filter"], "CONFIDENCE_THRESHOLD": "bicycle=0.9,default=0.75"}
    found = FilterSettings.from_environment(environment)
    assert found.thresholds == {"bicycle": 0.9, "motorcycle": 0.75}
    environment["CONFIDENCE_THRESHOLD"] = "bycicle=0.9,default=0.75"
    with pytest.raises(ValueError, match=r"^CONFIDENCE_THRESHOLD names 'bycicle', which is not a label"):
        FilterSettings.from_environment(environment)


def test_filter_knows_what_a_certificate_binds() -> None:
    environment = {**SETTINGS["filter"], "REQUIRE_CERTIFICATE": "true", "SERIALIZE_DIGEST": "s1-32"}
    found = FilterSettings.from_environment(environment)
    assert (found.requires_certificate, found.serialize_digest) == (True, "s1-32")
    for change, problem in (
        ({"SERIALIZE_DIGEST": ""}, "SERIALIZE_DIGEST is missing"),
        ({"REQUIRE_CERTIFICATE": "yes"}, "REQUIRE_CERTIFICATE must be true or false, not 'yes'"),
        ({"SWEEP_EVERY_MINUTES": "0"}, "SWEEP_EVERY_MINUTES must be a number of minutes, not '0'"),
    ):
        with pytest.raises(ValueError, match=problem):
            FilterSettings.from_environment(environment | change)


def test_settings_cannot_change() -> None:
    found: Any = FilterSettings.from_environment(SETTINGS["filter"])
    with pytest.raises(AttributeError):
        found.thresholds = {}


@pytest.mark.parametrize("size", [(8160, 6144), (8192, 6144), (8160, 6120)])
def test_what_phones_call_fifty_megapixels_is_taken(size: tuple[int, int]) -> None:
    settings = SerializeSettings.from_environment(SETTINGS["serialize"])
    assert size[0] * size[1] <= settings.max_pixels == LARGEST_IMAGE
