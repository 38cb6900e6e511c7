"""The nearest known name for a mistyped one, worded as click words it for options."""

from collections.abc import Iterable
from difflib import get_close_matches

import click


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean X?" for the nearest known name, or nothing where none is near; case does not count."""
    by_folded = {one.casefold(): one for one in known}
    near = get_close_matches(name.casefold(), by_folded, n=1)
    return f" Did you mean {by_folded[near[0]]}?" if near else ""


class SuggestingGroup(click.Group):
    """A group that refuses a mistyped subcommand with the nearest name, as click does for options."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand."""
        name, known = str(args[0]), self.list_commands(ctx)
        if name not in known and not name.startswith("-"):
            ctx.fail(f"No such command {name!r}.{did_you_mean(name, known)}")
        return super().resolve_command(ctx, args)
