from typing import Any

import pytest

from tests.unit.functions.conftest import SETTINGS, load


def test_settings_are_what_the_template_sets(serialize: Any, classify: Any, filter_: Any) -> None:
    read = [
        function.settings.Settings.from_environment(SETTINGS[name])
        for name, function in (("serialize", serialize), ("classify", classify), ("filter", filter_))
    ]
    assert read == [
        serialize.settings.Settings(32, 26_214_400, 50_331_648),
        classify.settings.Settings("scones", ("bicycle", "motorcycle")),
        filter_.settings.Settings(("bicycle", "motorcycle"), 0.8),
    ]


@pytest.mark.parametrize("name", SETTINGS)
def test_missing_variables_are_all_named(name: str) -> None:
    function = load(name)
    with pytest.raises(ValueError, match=".*".join(SETTINGS[name])):
        function.settings.Settings.from_environment({})


def test_serialize_names_every_bad_variable_at_once(serialize: Any) -> None:
    bad = {"MODEL_INPUT_SIZE": "0", "MAX_OBJECT_BYTES": "1e6", "MAX_PIXELS": "-1"}
    with pytest.raises(ValueError, match=r"MODEL_INPUT_SIZE.*MAX_OBJECT_BYTES.*MAX_PIXELS"):
        serialize.settings.Settings.from_environment(bad)


@pytest.mark.parametrize("text", ["", "abc", "3.5", "1025", "٣٢", "1_0", "9" * 5000, "0x20"])
def test_serialize_takes_whole_numbers_in_range(serialize: Any, text: str) -> None:
    with pytest.raises(ValueError, match=r"MODEL_INPUT_SIZE must be a whole number from 1 to 1024"):
        serialize.settings.Settings.from_environment({"MODEL_INPUT_SIZE": text})


def test_labels_may_have_spaces_inside(classify: Any) -> None:
    found = classify.settings.Settings.from_environment(
        {"ENDPOINT_NAME": "scones-1", "LABELS": "house cat,dog,cow"}
    )
    assert found == classify.settings.Settings("scones-1", ("house cat", "dog", "cow"))


@pytest.mark.parametrize("name", [None, "", " ", "a/b", "-a", "a" * 64])
def test_classify_names_every_bad_variable_at_once(classify: Any, name: str | None) -> None:
    environment = {"LABELS": "cat"} | ({} if name is None else {"ENDPOINT_NAME": name})
    with pytest.raises(ValueError, match=r"ENDPOINT_NAME.*LABELS"):
        classify.settings.Settings.from_environment(environment)


@pytest.mark.parametrize("labels", ["", "one", "a,", ",a", "a,a", "a,,b", "a, b", "a ,b", " a,b"])
def test_labels_are_two_or_more_and_different(classify: Any, filter_: Any, labels: str) -> None:
    for function in (classify, filter_):
        with pytest.raises(ValueError, match=r"LABELS"):
            function.settings.Settings.from_environment({"ENDPOINT_NAME": "e", "LABELS": labels})


@pytest.mark.parametrize("threshold", ["", "high", "nan", "inf", "-0.1", "1.01", "80%"])
def test_filter_takes_a_share(filter_: Any, threshold: str) -> None:
    with pytest.raises(ValueError, match=r"LABELS.*CONFIDENCE_THRESHOLD"):
        filter_.settings.Settings.from_environment({"LABELS": "", "CONFIDENCE_THRESHOLD": threshold})


def test_settings_cannot_change(filter_: Any) -> None:
    found = filter_.settings.Settings.from_environment(SETTINGS["filter"])
    with pytest.raises(AttributeError):
        found.threshold = 0.1


@pytest.mark.parametrize("size", [(8160, 6144), (8192, 6144), (8160, 6120)])
def test_what_phones_call_fifty_megapixels_is_taken(serialize: Any, size: tuple[int, int]) -> None:
    settings = serialize.settings.Settings.from_environment(SETTINGS["serialize"])
    assert size[0] * size[1] <= settings.max_pixels == serialize.settings.LARGEST_IMAGE
