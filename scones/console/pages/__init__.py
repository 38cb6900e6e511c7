"""The pages of the console, in the order of the menu: a new one is a module here, a template, and a name below."""

from collections.abc import Sequence
from typing import Final

from scones.console.page import Page
from scones.console.pages import charts, image, live, operations, review

PAGES: Final[Sequence[Page]] = (live.PAGE, review.PAGE, charts.PAGE, operations.PAGE, image.PAGE)
