"""Child processes that decode images: started on demand, replaced when one dies or takes too long."""

import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from scones.console.decoder_process import ANSWER, REQUEST

_PROCESSES: Final = 2
_PATIENCE_S: Final = 30.0
_MODULE: Final = "scones.console.decoder_process"
_ROOT: Final = Path(__file__).resolve().parents[2]


class NotDecodedError(Exception):
    """The file cannot be shown; its text is a sentence for a person."""


@dataclass(frozen=True, slots=True)
class DecoderLimits:
    """How many processes decode at once, and how long one may take for a file."""

    processes: int = _PROCESSES
    patience_s: float = _PATIENCE_S


class Decoders:
    """Turns files into JPEGs in child processes; used by many threads at once."""

    def __init__(self, limits: DecoderLimits | None = None) -> None:
        self._limits = limits or DecoderLimits()
        self._idle: queue.LifoQueue[_Decoder | None] = queue.LifoQueue()
        for _ in range(self._limits.processes):
            self._idle.put(None)
        self._all: set[_Decoder] = set()
        self._closed = False

    def jpeg(self, data: bytes, longest_side: int, max_pixels: int) -> bytes:
        """Return a file's first frame as a JPEG.

        Raises
        ------
        NotDecodedError
            The file is not an image, or decoding it took too much time or memory.
        """
        decoder = self._idle.get()
        try:
            if decoder is None:
                decoder = _Decoder()
                self._all.add(decoder)
            return decoder.jpeg(data, longest_side, max_pixels, self._limits.patience_s)
        except _DecoderDiedError as error:
            if decoder:
                self._all.discard(decoder)
                decoder.close()
                decoder = None
            message = "decoding this file took too much time or memory, so it is not shown"
            raise NotDecodedError(message) from error
        finally:
            self._idle.put(decoder)
            if self._closed:
                self.close()

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        for decoder in list(self._all):
            decoder.close()


class _DecoderDiedError(Exception):
    """The process ended before it answered."""


class _Decoder:
    """One process; used by one thread at a time."""

    def __init__(self) -> None:
        # Nothing of this process's environment: it has credentials.
        self._process = subprocess.Popen(  # noqa: S603 (this Python, a module of our own)
            [sys.executable, "-m", _MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.defpath, "PYTHONPATH": str(_ROOT), "OMP_NUM_THREADS": "1"},
            start_new_session=True,  # Ctrl-C is for the console, which ends this
        )

    def jpeg(self, data: bytes, longest_side: int, max_pixels: int, patience_s: float) -> bytes:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise _DecoderDiedError
        overdue = threading.Timer(patience_s, self._process.kill)
        overdue.start()
        try:
            requests.write(REQUEST.pack(longest_side, max_pixels, len(data)))
            requests.write(data)
            requests.flush()
            is_jpeg, size = ANSWER.unpack(_exactly(answers, ANSWER.size))
            content = _exactly(answers, size)
        except OSError as error:
            raise _DecoderDiedError from error
        finally:
            overdue.cancel()
        if is_jpeg:
            return content
        raise NotDecodedError(content.decode(errors="replace"))

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not sent cannot be


def _exactly(file: IO[bytes], size: int) -> bytes:
    content = file.read(size)
    if len(content) < size:
        raise _DecoderDiedError
    return content
