"""JSON that two parsers could read differently is refused."""

import time
from contextlib import suppress
from enum import IntEnum, StrEnum

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

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


@pytest.mark.parametrize(
    "text",
    ["[1]".encode("utf-16-le"), "[1]".encode("utf-16"), "[1]".encode("utf-32-be"), b"\xef\xbb\xbf[1]", b'"\xc0\xaf"', b'"\xed\xa0\x80"'],
    ids=["UTF-16", "UTF-16 with its mark", "UTF-32", "a byte order mark", "overlong", "a surrogate in UTF-8"],
)  # fmt: skip
def test_there_is_one_encoding(text):
    with pytest.raises(NotStrictJson):
        parse(text)


def test_depth_counts_brackets_and_not_what_strings_hold():
    assert parse("[" * 64 + r'"\\[[\"[["' + "]" * 64)
    assert parse('[{"a":[{}]},' * 21 + "0" + "]" * 21)
    with pytest.raises(NotStrictJson):
        parse('[{"a":' * 33 + "0" + "}]" * 33)


@pytest.mark.parametrize(
    "text",
    ["[" * 1_000_000, "[" * 500_000 + "]" * 500_000, "[],{}" * 200_000, "[" + "[]," * 300_000 + "[]]", r"\"" * 500_000, '"' + r"\"" * 500_000, "1" * 1_000_000, "[" + "0," * 500_000 + "0]", '{"a":' * 100_000 + "1" + "}" * 100_000, '"' + r"\u00e9" * 160_000 + '"', "]" * 1_000_000],
    ids=["opened", "10^5 deep", "pairs", "a wide list", "quotes", "a string without end", "a long number", "many numbers", "nested objects", "escapes", "closed"],
)  # fmt: skip
def test_no_text_of_a_megabyte_costs_much_time(text):
    begun = time.process_time()
    with suppress(NotStrictJson):
        parse(text)
    assert time.process_time() - begun < 0.4


@pytest.mark.parametrize(
    "text", ["[" + "0," * 50_001 + "0]", "{" + ",".join(f'"{n}":0' for n in range(2_001)) + "}"]
)
def test_there_is_an_end_to_what_one_text_holds(text):
    with pytest.raises(NotStrictJson, match="too many"):
        parse(text)


def test_commas_and_brackets_in_strings_are_no_values():
    assert parse('["' + ",[{" * 100_000 + '"]')


def test_the_canonical_form_sorts_and_spends_no_space():
    assert canonical({"b": 1, "a": ["é", True]}) == '{"a":["é",true],"b":1}'.encode()


class _Word(StrEnum):
    ONE = "un"


class _Number(IntEnum):
    ONE = 1


_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**54), 2**54)
    | st.floats()
    | st.text()
    | st.sampled_from([*_Word, *_Number])
)
_VALUES = st.recursive(
    _LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.tuples(inner, inner)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=5)
    ),
    max_leaves=20,
)


def _form(write, value):
    try:
        return write(value)
    except ValueError as error:
        return type(error)


@settings(max_examples=60, deadline=None)
@given(_VALUES)
@example("".join(map(chr, range(0x100))) + "\u2028\uffff😀")
@example({"\uffff": 1, "😀": 2, "é": 3, "z": 4, "": 5})
@example([2**53 - 1, 1 - 2**53, 1e21, 1e-7, -0.0, 10.0])
@example([2**53])
@example({"a": "\ud800"})
@example({"\ud800": 1})
@example([float("nan")])
@example({True: 1, None: 2})
def test_the_short_way_to_the_canonical_form_gives_the_same_bytes(value):
    assert _form(canonical, value) == _form(rfc8785.dumps, value)
