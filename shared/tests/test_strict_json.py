"""JSON that two parsers could read differently is refused."""

import pytest

from keel.strict_json import NotStrictJson, canonical, parse


@pytest.mark.parametrize("text", ['{"a":1}', "[]", '"]["', b'{"a":{"b":[1,2]}}', '"\\"["'])
def test_plain_json_is_read(text):
    assert parse(text) is not None


@pytest.mark.parametrize(
    "text",
    ["", "{", '{"a":1,"a":2}', "NaN", "[Infinity]", b"\xff", "[" * 65 + "]" * 65, "1 2", '{"a":{"b":1,"b":2}}'],
    ids=["empty", "cut", "a member twice", "NaN", "Infinity", "not UTF-8", "too deep", "two values", "twice inside"],
)  # fmt: skip
def test_anything_else_is_not(text):
    with pytest.raises(NotStrictJson):
        parse(text)


def test_the_canonical_form_sorts_and_spends_no_space():
    assert canonical({"b": 1, "a": ["é", True]}) == '{"a":["é",true],"b":1}'.encode()
