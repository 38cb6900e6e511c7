"""The endpoint's application on a real socket, and a boto3 client that invokes it."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import uvicorn
from botocore.config import Config

from endpoint.server import listen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.applications import Starlette

DEADLINE_S = 20


@contextmanager
def running_endpoint(app: Starlette) -> Iterator[Any]:
    """Serve the application on a free port; yield a sagemaker-runtime client of it that does not retry."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    with listen("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        deadline = time.monotonic() + DEADLINE_S
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            yield boto3.client(
                "sagemaker-runtime",
                endpoint_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
                region_name="eu-central-1",
                aws_access_key_id="test",
                aws_secret_access_key="test",
                config=Config(retries={"total_max_attempts": 1}, proxies={}),
            )
        finally:
            server.should_exit = True
            thread.join(DEADLINE_S)
        assert not thread.is_alive()
