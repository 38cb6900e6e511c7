"""
Hand one file to a check once more, without the fuzzer.

    PYTHONPATH=functions/serialize python -m tests.fuzz.reproduce serialize FILE
"""

import sys
from pathlib import Path

from tests.fuzz import checks, properties


def main() -> None:
    """Print outcome, time and memory; an untyped error ends in its traceback, a broken bound in a sentence."""
    name, file = sys.argv[1:]
    check = checks.load(name)
    with properties.measured() as cost:
        outcome = check(Path(file).read_bytes())
    sys.stdout.write(f"{outcome}, {cost.seconds:.2f} s, {cost.mib:.0f} MiB more than before\n")
    try:
        properties.within_bounds(cost)
    except properties.ViolationError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
