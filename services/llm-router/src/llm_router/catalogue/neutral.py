"""Inputs are hostile: what could close a data block or speak to a chat template is disarmed.

Every replacement is one code point for one, so offsets in the disarmed text are offsets in the
text as it came.
"""

import re
import unicodedata

# Role markers of the common chat templates that are not written with angle brackets.
_BRACKETED = re.compile(
    r"\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|TOOL_CONTENT|ARGS|IMG|PREFIX|MIDDLE"
    r"|SUFFIX)\])",
    re.IGNORECASE,
)
_JINJA = re.compile(r"\{(?=[{%#])|(?<=[}%#])\}")

# Guillemets of one stroke look like the bracket that they replace, and no tokenizer knows them as
# part of a control token. A career text holds a bracket rarely, and reads the same with these.
_ANGLES = str.maketrans({"<": "‹", ">": "›", "＜": "‹", "＞": "›", "｜": "¦"})


def _plain(character: str) -> str:
    if character in "\n\t":
        return character
    # Control, format (zero width, bidirectional, tags), private use, surrogate: nothing to read.
    return " " if unicodedata.category(character) in {"Cc", "Cf", "Co", "Cs"} else character


def neutralised(text: str) -> str:
    """Return `text`, as long as it was, unable to end a data block or open a chat role."""
    disarmed = _BRACKETED.sub("⟦", text).translate(_ANGLES)
    disarmed = _JINJA.sub(lambda brace: "❴" if brace.group() == "{" else "❵", disarmed)
    if disarmed.isascii() and disarmed.isprintable():
        return disarmed
    return "".join(map(_plain, disarmed))


def neutralised_json(value: object) -> object:
    """Return a JSON value with every string in it disarmed, keys included."""
    if isinstance(value, str):
        return neutralised(value)
    if isinstance(value, list):
        return [neutralised_json(item) for item in value]
    if isinstance(value, dict):
        return {neutralised(str(key)): neutralised_json(item) for key, item in value.items()}
    return value
