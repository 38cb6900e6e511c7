"""Text as a word of a shell command, for the commands that a hint prints."""

import shlex


def quoted(text: str, *, escape_non_ascii: bool = False) -> str:
    r"""
    Return a text as one word that a shell reads back as the same text, and that is safe to print.

    What has characters that a terminal does not show as they are (controls, odd spaces, bytes that are not UTF-8)
    becomes `$'...'`, which bash, zsh and ksh read, with each of their bytes as `\xHH`.

    Parameters
    ----------
    text
        A key, a path, a name.
    escape_non_ascii
        Also escape letters outside ASCII, for names that look the same and are not.
    """
    if text.isprintable() and (text.isascii() or not escape_non_ascii):
        return shlex.quote(text)
    return "$'" + "".join(_escaped(character, escape_non_ascii) for character in text) + "'"


def _escaped(character: str, escape_non_ascii: bool) -> str:  # noqa: FBT001 (as the function above)
    if character in "\\'":
        return f"\\{character}"
    if character.isprintable() and (character.isascii() or not escape_non_ascii):
        return character
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))
