"""Shared by all plots: colours that colour-blind people can distinguish, sizes, and writing files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.errors import TrainingError

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito, "Color universal design", 2008.
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
SKY, PURPLE, YELLOW, BLACK = "#56B4E9", "#CC79A7", "#F0E442", "#000000"
SERIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, RED, BLACK)
GREY = "#767676"
_DPI = 120


class PlotsUnavailableError(TrainingError):
    """matplotlib is not installed."""


def require_matplotlib() -> None:
    """Check before long computations that plots can be drawn.

    Raises
    ------
    PlotsUnavailableError
        Says what to install.
    """
    try:
        import matplotlib as mpl  # noqa: F401, PLC0415 - large, and needed only by plots
    except ImportError as error:
        raise PlotsUnavailableError(
            "plots need matplotlib: pip install -r training/requirements.txt, in training's environment"
        ) from error


def new_axes(title: str, x_label: str, y_label: str, width: float = 6.4, height: float = 4.4) -> Axes:
    """Return the axes of a new figure; sizes in inches."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - see above

    axes = Figure(figsize=(width, height), layout="constrained").add_subplot()
    dress(axes, title, x_label, y_label)
    return axes


def dress(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Set the title and the labels of axes, and a light grid."""
    axes.set_title(title, fontsize=11, loc="left")
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def save(drawn: Axes | Figure, path: Path) -> Path:
    """Write a PNG and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = drawn.get_figure(root=True)
    figure.savefig(path, dpi=_DPI)
    return path
