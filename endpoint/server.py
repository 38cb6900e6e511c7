"""Serve the model over HTTP."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import socket
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn

from endpoint.app import create_app
from endpoint.capture import ALL_PERCENT, DataCapture
from endpoint.deployed_model import SAGEMAKER_MODEL_DIR, check_version, default_model
from endpoint.errors import ModelFileError
from endpoint.predictor import SHIPPED_MODEL, Predictor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEFAULT_PORT = 8080
_SHUTDOWN_S = 5
_BACKLOG = 128
_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {"uvicorn.access": {"level": "INFO"}, "uvicorn.error": {"level": "WARNING"}},
}


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m endpoint.server", description=__doc__)
    parser.add_argument(
        "command",
        nargs="?",
        choices=["serve"],
        help="start mode of SageMaker: never serves the shipped model where another was deployed",
    )
    parser.add_argument("--host", default="127.0.0.1", help="default: %(default)s")
    parser.add_argument(
        "--port",
        type=int,
        default=int(environment.get("SAGEMAKER_BIND_TO_PORT", DEFAULT_PORT)),
        help="0 selects a free one (default: %(default)s)",
    )
    parser.add_argument(
        "--model",
        type=Path,
        help=f"an .onnx file (default: the one in {SAGEMAKER_MODEL_DIR}, or the shipped)",
    )
    parser.add_argument("--endpoint-name", help="the only NAME in /endpoints/NAME/invocations (default: any)")
    parser.add_argument("--threads", type=int, default=1, help="for one prediction (default: %(default)s)")
    parser.add_argument(
        "--capture", type=Path, metavar="DIR", help="write Data Capture files in SageMaker's format"
    )
    parser.add_argument(
        "--capture-percent",
        type=_percent,
        default=ALL_PERCENT,
        metavar="PERCENT",
        help="share of the requests that is captured (default: %(default)s)",
    )
    parser.add_argument(
        "--faults",
        type=Path,
        metavar="FILE",
        help="accept fault injection at a loopback address that is written to FILE; for tests",
    )
    return parser


def _percent(text: str) -> float:
    value = float(text)
    if not 0 < value <= ALL_PERCENT:
        raise argparse.ArgumentTypeError(f"{text} is not above 0 and at most {ALL_PERCENT}")
    return value


def listen(host: str, port: int) -> socket.socket:
    """Bind first, so that a port in use is reported before anything else happens."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm only if the protocol is given; with it, a response is delayed by 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


class CaptureFolderError(Exception):
    """The folder for captures cannot be written."""


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CaptureFolderError(f"cannot capture to {path}: {error.strerror or error}") from error


def _predictor(options: argparse.Namespace) -> Predictor:
    """Load the model; raise if it is not the deployed one."""
    is_serving = options.command == "serve"
    model = options.model or default_model(os.environ, SHIPPED_MODEL, is_serving=is_serving)
    predictor = Predictor(model, options.threads)
    check_version(predictor.version, os.environ)
    return predictor


def _capture(folder: Path | None, percent: float) -> contextlib.AbstractContextManager[DataCapture | None]:
    return DataCapture(folder, percent) if folder else contextlib.nullcontext()


def _server(
    config: uvicorn.Config, faults: Path | None, listen_again: Callable[[], socket.socket]
) -> uvicorn.Server:
    if not faults:
        return uvicorn.Server(config)
    from endpoint.fault_injection import FaultyServer, serve_control  # noqa: PLC0415 - never imported in production
    from endpoint.faults import Faults  # noqa: PLC0415

    orders = Faults()
    serve_control(orders, faults)
    return FaultyServer(config, orders, listen_again)


def _stop(_signal: int, _frame: object) -> None:
    """End with exit code 0 on SIGTERM, which uvicorn raises again once requests have been answered."""
    sys.exit(0)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return when stopped."""
    options = _parser(os.environ).parse_args(arguments)
    # Warnings about tags of damaged files; the response says enough.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        predictor = _predictor(options)
        if options.capture:
            _make_folder(options.capture)
        listener = listen(options.host, options.port)
    except (ModelFileError, CaptureFolderError) as error:
        print(f"endpoint: {error}", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"endpoint: cannot listen on {options.host}:{options.port}: {reason}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, _stop)
    with listener, _capture(options.capture, options.capture_percent) as capture:
        host, port = listener.getsockname()[:2]
        model = f"model {predictor.version} ({', '.join(predictor.labels)})"
        print(f"endpoint: {model} on http://{host}:{port}", file=sys.stderr, flush=True)
        config = uvicorn.Config(
            create_app(predictor, options.endpoint_name, capture),
            log_config=_LOGGING,
            timeout_graceful_shutdown=_SHUTDOWN_S,
            lifespan="off",
        )
        try:
            _server(config, options.faults, lambda: listen(host, port)).run(sockets=[listener])
        except KeyboardInterrupt:
            return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
