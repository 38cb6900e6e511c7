"""Draw the workflow's definition into the pages that show it: docs/workflow.svg and docs/architecture.md."""

import json
import re
from pathlib import Path
from typing import Final

from scones.graph.definition import Workflow
from scones.graph.mermaid import draw_mermaid
from scones.graph.svg import draw_svg

ROOT: Final = Path(__file__).parents[1]
PAGE, PICTURE = Path("docs/architecture.md"), Path("docs/workflow.svg")
_DRAWN: Final = re.compile(r"(?<=<!-- workflow: begin -->\n)(?s:.*)(?=<!-- workflow: end -->)")


def drawn(root: Path) -> dict[Path, str]:
    """Return the expected content of the two files."""
    definition = json.loads((root / "statemachine" / "classify_image.asl.json").read_text(encoding="utf-8"))
    workflow = Workflow.parse(definition)
    flowchart = f"```mermaid\n{draw_mermaid(workflow)}```\n"
    page = (root / PAGE).read_text(encoding="utf-8")
    return {PAGE: _DRAWN.sub(lambda _: flowchart, page, count=1), PICTURE: draw_svg(workflow)}


if __name__ == "__main__":
    for path, text in drawn(ROOT).items():
        (ROOT / path).write_text(text, encoding="utf-8")
