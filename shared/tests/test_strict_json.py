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


@pytest.mark.parametrize(
    "text",
    [r'"\u0000"', r'"\ud800"', r'{"\udfff":1}', r'[["\ude00\ud83d"]]', "1e999", "-1e999"],
    ids=["NUL", "a lone surrogate", "in a name", "turned round", "too large", "too small"],
)
def test_what_no_store_keeps_is_refused(text):
    with pytest.raises(NotStrictJson):
        parse(text)


def test_a_whole_character_in_escapes_is_read():
    assert parse(r'"\ud83d\ude00"') == "😀"


def test_the_canonical_form_sorts_and_spends_no_space():
    assert canonical({"b": 1, "a": ["é", True]}) == '{"a":["é",true],"b":1}'.encode()
