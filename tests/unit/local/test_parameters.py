"""Parameters are refused by name and value before anything starts, in words that say what is taken instead."""

from pathlib import Path

import pytest

from scones.errors import SconesError
from scones.local.parameters import Declared, check_parameters, declared_parameters


@pytest.fixture(scope="module")
def declared(root: Path) -> Declared:
    return declared_parameters(root)


@pytest.mark.parametrize(
    "given",
    [
        {"Labels": "bicycle,motorcycle"},
        {"Labels": "pedal power,motor,a"},
        {"Labels": "a,ab,abc"},
        {"Labels": "ab,a"},
        {"ConfidenceThreshold": "bicycle=0.9,motorcycle=.75,default=1.0"},
        {"ConfidenceThreshold": "0.85", "WorkflowType": "EXPRESS", "KmsKeyArn": "", "LogRetentionDays": "7"},
    ],
)
def test_what_the_template_takes_is_taken(declared: Declared, given: dict[str, str]) -> None:
    check_parameters(given, declared)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("Lables", "a,b", "the template has no parameter Lables. Did you mean Labels?"),
        ("labels", "a,b", "Did you mean Labels?"),
        ("confidencethreshold", "1", "Did you mean ConfidenceThreshold?"),
        ("Xyzzy", "1", "docs/parameters.md has them all"),
        ("WorkflowType", "SLOW", "parameter WorkflowType must be one of STANDARD, EXPRESS, not 'SLOW'"),
        ("LogRetentionDays", "8", "must be one of 1, 3, 5"),
        (
            "ConfidenceThreshold",
            "80%",
            "must be a number from 0 to 1, or one for each label: bicycle=0.9,default=0.8, not '80%'",
        ),
        ("ConfidenceThreshold", "nan", "must be a number from 0 to 1"),
        ("ConfidenceThreshold", "1.1", "must be a number from 0 to 1"),
        ("ConfidenceThreshold", "bicycle=0.9,bicycle=1", "or one for each label"),
        ("ImageDays", "-1", "must be a number of at least 0"),
        (
            "EndpointName",
            "my_endpoint",
            "EndpointName must be a SageMaker endpoint name in lower case, not 'my_endpoint'",
        ),
        ("KmsKeyArn", "key", "must be the ARN of a KMS key, or empty"),
        ("Labels", "x" * 500, "…'"),
    ],
)
def test_the_rest_is_refused_in_one_line(declared: Declared, name: str, value: str, line: str) -> None:
    with pytest.raises(SconesError) as refused:
        check_parameters({name: value}, declared)
    assert line in refused.value.message
    assert "\n" not in refused.value.message
    assert len(refused.value.message) < 500


@pytest.mark.parametrize(
    "labels",
    [
        "bicycle ,x",
        "bicycle, x",
        " a,b",
        "a,b ",
        "a,a",
        "a,b,a",
        "b,a,a",
        "a,b c,d,b c",
        "one",
        "a,,b",
        "a,b,",
    ],
)
def test_labels_are_different_and_have_no_blank_around_them(declared: Declared, labels: str) -> None:
    """Before the deploy in an account too: CloudFormation reads the same pattern."""
    with pytest.raises(SconesError, match="Labels must be two or more different names"):
        check_parameters({"Labels": labels}, declared)


def test_a_template_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for content in (None, "Parameters: [", "a: b"):
        if content is not None:
            (tmp_path / "template.yaml").write_text(content)
        with pytest.raises(SconesError, match=r"cannot read the parameters of .*template\.yaml"):
            declared_parameters(tmp_path)
