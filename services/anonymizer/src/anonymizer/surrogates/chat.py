"""The strings of a conversation as models are asked with: what people wrote, and what is protocol.

Roles, ids and names of functions are what a model's software goes by; they stay, and must look like
that. Ids and names are read word by word all the same: where one tells a person, all is refused.
The arguments of a call are JSON in a string: the strings in it are masked, so that it stays JSON.
Whatever is not known here is masked like any text; what is no text is refused, since nobody
can see what a picture or a voice tells.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from anonymizer.surrogates.policy import Label
from anonymizer.surrogates.values import Json, Leaf, leaves
from keel.problems import InvalidRequest

_ROLE = re.compile(r"system|developer|user|assistant|tool|function")
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_KIND = re.compile(r"text|refusal|function")
_PROTOCOL = (
    (re.compile(r"/\d+/role"), _ROLE),
    (re.compile(r"/\d+/(?:tool_call_id|tool_calls/\d+/id)"), _ID),
    (re.compile(r"/\d+/(?:tool_calls/\d+/function|function_call)/name"), _NAME),
    (re.compile(r"/\d+/(?:tool_calls/\d+|content/\d+)/type"), _KIND),
)
_CHOSEN = re.compile(r".*/(?:tool_call_id|id|name)")
"""What the caller's software may choose: roles and types are words of the protocol."""
_ARGUMENTS = re.compile(r"/\d+/(?:tool_calls/\d+/function|function_call)/arguments")
_SPEAKER = re.compile(r"/(\d+)/name")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_WORD = re.compile(r"\d{2,}|(?:[A-Z]?[a-z]+|[A-Z]{2,})(?:[A-Z][a-z]{2,})*\d{0,4}")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z0-9])")
_OF_TOOLS = frozenset(("tool", "function"))


def chat_leaves(messages: Sequence[Json]) -> Iterator[Leaf]:
    """Yield the strings of messages that somebody may have written, in order.

    Raises:
        InvalidRequest: it is no conversation of texts.
    """
    roles = [_role(message) for message in messages]
    for leaf in leaves(list(messages)):
        speaker = _SPEAKER.fullmatch(leaf.pointer)
        if leaf.read_as is not None:
            yield replace(leaf, field=None)
        elif speaker is not None and roles[int(speaker[1])] not in _OF_TOOLS:
            yield replace(leaf, label=Label.PERSON)
        elif _is_protocol(leaf, is_tool=speaker is not None):
            if speaker is not None or _CHOSEN.fullmatch(leaf.pointer):
                yield replace(leaf, field=None, read_as=_words(leaf.text))
        else:
            yield replace(leaf, field=None, is_json=bool(_ARGUMENTS.fullmatch(leaf.pointer)))


def _words(written: str) -> str:
    """Return the words and numbers of an id or a name, without what is drawn by lot."""
    parts = (part for part in re.split(r"[_.:-]+", _UUID.sub("", written)) if len(part) > 1)
    return " ".join(_HUMP.sub(" ", part) for part in parts if _WORD.fullmatch(part))


def _role(message: Json) -> str:
    role = message.get("role") if isinstance(message, Mapping) else None
    if not isinstance(role, str):
        raise InvalidRequest("Each of `messages` is an object with a `role`.")
    return role


def _is_protocol(leaf: Leaf, *, is_tool: bool) -> bool:
    """Say whether a string is the protocol's own; one in its place that does not look so is none.

    Raises:
        InvalidRequest: it stands where only the protocol's own may stand.
    """
    rules = (rule for place, rule in _PROTOCOL if place.fullmatch(leaf.pointer))
    rule = _NAME if is_tool else next(rules, None)
    if rule is None:
        return False
    if rule.fullmatch(leaf.text) is None:
        raise InvalidRequest(
            "Roles, ids, types and names of functions are those of the protocol, and parts of a "
            "`content` are of type `text`: pictures, voices and files cannot be pseudonymised.",
            members={"at": leaf.pointer},
        )
    return True
