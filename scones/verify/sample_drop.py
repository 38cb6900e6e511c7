"""The images of a run: three drawings and a text file, uploaded into its folder, and the wait for their outcomes."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from pathlib import Path
from typing import Final

from scones.drop.display import progress_of
from scones.drop.result_watch import ResultsWatch
from scones.drop.run import Drop
from scones.drop.uploads import Image, Uploads
from scones.result_documents import outcome_prefixes
from scones.verify.verification import Verification

TEXT: Final = "not-an-image.txt"
"""The one that has to be rejected; how the model judges the others is the user's affair."""
SAMPLES: Final = ("bicycle.png", "motorcycle.png", "scone.png", TEXT)


@contextmanager
def sample_files() -> Iterator[list[Path]]:
    """Hold the samples as files; they are packaged, drawn by `events/draw.py`."""
    with as_file(files("scones.verify") / "samples") as folder:
        yield [folder / name for name in SAMPLES]


def drop_samples(verification: Verification, *, visible: bool) -> None:
    """Upload the samples and wait until each has its outcome or the time is over."""
    connection, stack, names = verification.connection, verification.stack, verification.names
    s3 = connection.s3()
    with sample_files() as paths:
        verification.images = [Image(path, f"{verification.folder_key}{path.name}") for path in paths]
        verification.sizes = {image.key: image.path.stat().st_size for image in verification.images}
        watch = ResultsWatch(s3, stack.results_bucket, outcome_prefixes(stack.labels, names.folder))
        uploads = Uploads(s3, stack.image_bucket, verification.pace.clock)
        with progress_of(verification.images, visible=visible, wait=True) as on_progress:
            Drop(verification.images, verification.pace, on_progress).run(
                uploads, watch, verification.timeout_s
            )
