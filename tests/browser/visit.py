"""What tests of the browser do on the pages of the console: open them, and drop files."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

type Visit = Callable[..., "Page"]

_DROP = """([files]) => {
  const transfer = new DataTransfer();
  for (const { name, data, size } of files) {
    const bytes = size ? new Uint8Array(size) : Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
    transfer.items.add(new File([bytes], name));
  }
  return transfer;
}"""


def drop(page: Page, files: Mapping[str, bytes | int]) -> None:
    """Drop files on the page, as from the file manager; a number is a file of so many zeros."""
    described = [
        {"name": name, "size": body}
        if isinstance(body, int)
        else {"name": name, "data": base64.b64encode(body).decode()}
        for name, body in files.items()
    ]
    transfer = page.evaluate_handle(_DROP, [described])
    page.dispatch_event("body", "dragenter", {"dataTransfer": transfer})
    page.dispatch_event("body", "drop", {"dataTransfer": transfer})
