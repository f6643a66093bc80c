"""Long patterns, tried only where their first words stand.

To ignore case costs a pattern more than all else: its first words are looked for in small letters.
"""

import re
from collections.abc import Iterable, Iterator


def matches(pattern: re.Pattern[str], text: str, heads: Iterable[int]) -> Iterator[re.Match[str]]:
    """Yield what `pattern.finditer(text)` would, when it begins at none but `heads`, in order."""
    end = 0
    for at in heads:
        match = pattern.match(text, at) if at >= end else None
        if match is not None:
            end = match.end()
            yield match


def starts(head: re.Pattern[str], lowered: str) -> Iterator[int]:
    """Yield where `head` matches in a text in small letters."""
    return (match.start() for match in head.finditer(lowered))
