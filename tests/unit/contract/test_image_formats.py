"""The formats that Serialize accepts are those that previews decode, a viewer can be given, and docs/ names."""

from pathlib import Path

import pytest

from scones.console import decoder_process
from scones.review import pictures
from serialize.signature import ACCEPTED, identify
from tests.fakes.pictures import FORMATS, encoded, quarters

SAID = {"WEBP": "WebP", "HEIF": "HEIC"}


def test_tests_draw_every_accepted_format() -> None:
    assert {kind for _, kind in ACCEPTED} <= set(FORMATS)


@pytest.mark.parametrize("kind", FORMATS)
def test_an_accepted_format_has_a_preview_and_a_name_of_its_own(kind: str) -> None:
    data = encoded(quarters(), kind)
    assert identify(data) == kind
    assert decoder_process.jpeg_of(data, 64, 10_000_000)
    assert pictures.suffix_of(data) != ".bin"


@pytest.mark.parametrize("magic", [magic for magic, _ in ACCEPTED])
def test_each_signature_has_a_name_that_a_viewer_opens(magic: bytes) -> None:
    assert pictures.suffix_of(magic + bytes(20)) != ".bin"


def test_brands_in_any_order_tell_avif_from_heic() -> None:
    box = b"\x00\x00\x00\x1cftyp%s\x00\x00\x00\x00mif1%smiaf"
    assert pictures.suffix_of(box % (b"mif1", b"avif")) == ".avif"
    assert pictures.suffix_of(box % (b"mif1", b"heic")) == ".heic"


def test_the_page_names_each_format(root: Path) -> None:
    sentence = (
        (root / "docs" / "results.md").read_text().split("## Images\n\n", 1)[1].split(" accepted", 1)[0]
    )
    assert {name.strip(",") for name in sentence.split()} - {"and", "are"} == {
        SAID.get(kind, kind) for kind in FORMATS
    }
