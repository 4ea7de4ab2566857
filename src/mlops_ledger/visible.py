"""Shows characters that would act where they are shown, or not be seen, as escapes."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

# What Unicode tells programs not to show, though it counts as a letter or a mark.
_IGNORABLE: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)

# What is looked at one by one: of a long document that is little.
_UNUSUAL: Final = re.compile("[^ -~]")


def visible(text: str, *, keep: str = "") -> str:
    """Show controls, directions, zero widths and the like as escapes, but for those to `keep`."""
    if text.isprintable() and (text.isascii() or not _IGNORABLE.search(text)):
        return text

    def written(found: re.Match[str]) -> str:
        char = found[0]
        return char if char in keep or is_shown(char) else _escape(char)

    return _UNUSUAL.sub(written, text)


def is_shown(char: str) -> bool:
    """Return whether a character is seen, and does nothing else."""
    if char.isprintable():
        return not _IGNORABLE.match(char)
    return unicodedata.category(char) == "Zs"


def _escape(char: str) -> str:
    return char.encode("unicode_escape").decode()


def is_unicode(text: str) -> bool:
    """Return whether a text is that, and does not stand for bytes that are not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
