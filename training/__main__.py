"""`python -m training COMMAND`: the entry point of all commands; `python -m training.COMMAND` runs the same."""

from __future__ import annotations

import importlib
import sys

from training.command_line import command, start
from training.errors import TrainingError

COMMANDS = {
    "data": "prepare the images: download, check, write PNGs and a manifest, add human labels",
    "train": "train the model",
    "improve": "from a stack's labels to a candidate, its card and a comparison",
    "evaluate": "measure a model; write its card, plots and baseline",
    "package": "pack a model for release",
    "endpoint_image": "build the endpoint's image and push it",
    "deploy": "release a model on a SageMaker endpoint, or remove the endpoint",
    "launch": "run train as a SageMaker training job",
    "monitor": "compare production with a baseline",
}
_USAGE_ERROR = 2


def main(arguments: list[str]) -> int:
    """Run the named command with the remaining arguments; list the commands if none is named."""
    name, rest = (arguments[0], arguments[1:]) if arguments else ("--help", [])
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name not in COMMANDS:
        print(f"training: no command {name!r}; commands: {', '.join(COMMANDS)}", file=sys.stderr)
        return _USAGE_ERROR
    return command(name)(_run)(name, rest)


def _run(name: str, arguments: list[str]) -> int:
    """Import the command (some take seconds to import) and run it."""
    try:
        module = importlib.import_module(f"training.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("training", "endpoint"):
            raise
        raise TrainingError(
            f"{error.name} is not installed: run it in the environment that `make setup-training` creates"
        ) from error
    code: int = module.main(arguments)
    return code


def _help() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name.ljust(width)}  {purpose}" for name, purpose in COMMANDS.items()]
    return "\n".join(
        ["usage: python -m training COMMAND [OPTIONS]", "", *lines, "", "COMMAND --help lists its options."]
    )


if __name__ == "__main__":
    start(lambda: main(sys.argv[1:]))
