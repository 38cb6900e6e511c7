"""Upload a prepared folder to S3: missing or different files, and the manifest last."""

from __future__ import annotations

from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.aws import CONNECTIONS, aws_errors
from training.dataset import manifest
from training.dataset.archive import md5_of
from training.progress import bar
from training.storage import Address, explained, listing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_TYPES = {".png": "image/png", ".jsonl": "application/x-ndjson", ".json": "application/json"}


@dataclass(frozen=True, slots=True)
class Uploaded:
    """Result of an upload: files sent, files skipped, and objects that are not in the manifest."""

    address: str
    sent: int
    skipped: int
    others: int


def upload(s3: Any, folder: Path, address: Address) -> Uploaded:  # noqa: ANN401 - a boto3 client
    """Upload the files of the folder's manifest to `address`, and then the manifest.

    A file is skipped if an object of its size has its MD5 as the ETag. S3 sets such an ETag unless the bucket
    encrypts with a KMS key; then every file is sent again. Objects that are not in the manifest are kept.

    Raises
    ------
    StorageError
        With one line; running the command again sends the missing files.
    """
    entries = manifest.read(folder)
    images = list(dict.fromkeys(path for entry in entries for path in entry.files()))
    last = [name for name in (manifest.SUMMARY, manifest.NAME) if (folder / name).exists()]
    try:
        there = {item.key: (item.size, item.etag) for item in listing(s3, address)}
        ours = {f"{address.prefix}{path}" for path in (*images, *last)}
        sender = _Sender(s3, folder, address, there)
        sent = sender.send(images) + sender.send(last)
    except aws_errors() as error:
        raise explained(error, str(address)) from error
    return Uploaded(str(address), sent, len(images) + len(last) - sent, len(there.keys() - ours))


@dataclass(frozen=True, slots=True)
class _Sender:
    s3: Any
    folder: Path
    address: Address
    there: dict[str, tuple[int, str]]

    def send(self, paths: Sequence[str]) -> int:
        """Upload these files in parallel and return their number; the first error stops the rest."""
        pool = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="upload")
        with bar(f"upload {self.address}", len(paths), " files") as progress:
            try:
                futures = [pool.submit(self._put, path) for path in paths]
                for future in futures:
                    future.add_done_callback(lambda _: progress.update())
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                failed = next((error for future in done if (error := future.exception())), None)
                if failed is not None:
                    raise failed
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        return sum(future.result() for future in futures)

    def _put(self, path: str) -> bool:
        file, key = self.folder / path, f"{self.address.prefix}{path}"
        if self.there.get(key) == (file.stat().st_size, md5_of(file)):
            return False
        content_type = _TYPES.get(file.suffix, "application/octet-stream")
        self.s3.put_object(
            Bucket=self.address.bucket, Key=key, Body=file.read_bytes(), ContentType=content_type
        )
        return True
