"""Event streams are read however they are cut, and never without bound."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_router.providers.sse import EventDecoder, GarbledStream

TEXT = 'data: {"é": 1}\r\n\r\n: still here\n\ndata: a\ndata:b\n\nevent: x\rdata:  c\r\revent: y\n\nid: 3\ndata\n\ndata: [DONE]\n\n'
EVENTS = ['{"é": 1}', "a\nb", " c", "", "[DONE]"]


def read(*chunks, bound=1000):
    decoder = EventDecoder(bound)
    return [event for chunk in chunks for event in decoder.feed(chunk)]


@given(st.lists(st.integers(0, len(TEXT.encode())), max_size=12))
def test_wherever_a_stream_is_cut_it_says_the_same(cuts):
    whole = TEXT.encode()
    at = [0, *sorted(cuts), len(whole)]
    assert read(*(whole[a:b] for a, b in itertools.pairwise(at))) == EVENTS


def test_byte_by_byte_too():
    assert read(*(bytes([b]) for b in TEXT.encode())) == EVENTS


def test_a_byte_order_mark_is_no_part_of_it():
    assert read(b"\xef\xbb\xbfdata: a\n\n") == ["a"]


def test_an_unfinished_event_says_nothing():
    assert read(b"data: a\n") == []


@pytest.mark.parametrize(
    "chunk", [b"data: \xff\n\n", b"data: \xc3\n\n"], ids=["no UTF-8", "half a letter"]
)
def test_bytes_that_are_no_utf_8_are_refused(chunk):
    with pytest.raises(GarbledStream, match="UTF-8"):
        read(chunk)


@pytest.mark.parametrize(
    "chunk",
    [b"x" * 2000, b"data: xxxx\n" * 300],
    ids=["a line without end", "an event without end"],
)
def test_what_does_not_end_is_refused(chunk):
    with pytest.raises(GarbledStream, match="without end"):
        read(chunk)
