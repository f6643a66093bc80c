"""The strings of a conversation as models are asked with: what people wrote, and what is protocol.

Roles, ids and names of functions are what a model's software goes by; they stay, and must look like
that. The arguments of a call are JSON in a string: the strings in it are masked, so that it stays
JSON. Whatever is not known here is masked like any text; what is no text is refused, since nobody
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
_ARGUMENTS = re.compile(r"/\d+/(?:tool_calls/\d+/function|function_call)/arguments")
_SPEAKER = re.compile(r"/(\d+)/name")
_OF_TOOLS = frozenset(("tool", "function"))


def chat_leaves(messages: Sequence[Json]) -> Iterator[Leaf]:
    """Yield the strings of messages that somebody may have written, in order.

    Raises:
        InvalidRequest: it is no conversation of texts.
    """
    roles = [_role(message) for message in messages]
    for leaf in leaves(list(messages)):
        speaker = _SPEAKER.fullmatch(leaf.pointer)
        if speaker is not None and roles[int(speaker[1])] not in _OF_TOOLS:
            yield replace(leaf, label=Label.PERSON)
        elif not _is_protocol(leaf, is_tool=speaker is not None):
            yield replace(leaf, field=None, is_json=bool(_ARGUMENTS.fullmatch(leaf.pointer)))


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
