"""Types of arguments: what a shell can pass and no command can use is refused before anything is done."""

from typing import Any, Final, override

import click


class FilePath(click.Path):
    """A path of this machine. It may be any bytes; an empty one is refused, since it would be the working folder."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not value:
            self.fail("a path must not be empty", param, ctx)
        return super().convert(value, param, ctx)


class Text(click.types.StringParamType):
    """A text that AWS can be sent: bytes that are not UTF-8, which Python reads as surrogates, are refused."""

    @override
    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = super().convert(value, param, ctx)
        try:
            text.encode()
        except UnicodeEncodeError:
            self.fail(f"{text!a} is not UTF-8", param, ctx)
        return text


TEXT: Final = Text()


def refuse_other_bytes(command: click.Command) -> None:
    """Give all arguments of a command, and of the commands below it, that are texts the type `Text`."""
    for parameter in command.params:
        if parameter.type is click.STRING:
            parameter.type = TEXT
    if isinstance(command, click.Group):
        for one in command.commands.values():
            refuse_other_bytes(one)
