"""Starts MiniStack with this product's adapters: ``python -m scones.local.emulator``.

MiniStack reads its own settings (GATEWAY_PORT, BIND_HOST, ...) from the environment when it is imported.
"""

from __future__ import annotations

import os


def main() -> None:
    """Run the emulator until it is told to stop."""
    from ministack import app  # noqa: PLC0415  reads the environment at import

    from scones.local import adapters, authorization, persistence  # noqa: PLC0415

    adapters.apply(lambda_concurrency=int(os.environ["SCONES_LAMBDA_CONCURRENCY"]))
    if app.AUTH:
        authorization.enforce()
    if os.environ.get("PERSIST_STATE") == "1":
        persistence.keep_saving()
    app.main()


if __name__ == "__main__":
    main()
