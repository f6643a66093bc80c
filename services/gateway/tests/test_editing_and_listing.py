"""Two rules that every area keeps: an edit names what it was made on, a list goes on by cursor."""

from dataclasses import dataclass

import pytest

from gateway.edge.editing import etag, require_match
from gateway.edge.listing import cut
from gateway.problems import PreconditionFailed, PreconditionNeeded

SEEN = {"id": "bil_1", "counsellor": "usr_1"}


@dataclass
class Row:
    id: str


def test_an_edit_of_what_was_read_goes_through():
    require_match(etag(SEEN), SEEN)
    require_match(f'"other", {etag(SEEN)}', SEEN)
    require_match("*", SEEN)


def test_an_edit_must_say_what_it_was_made_on():
    with pytest.raises(PreconditionNeeded):
        require_match(None, SEEN)


def test_an_edit_of_what_somebody_changed_is_refused():
    with pytest.raises(PreconditionFailed):
        require_match(etag(SEEN), {**SEEN, "counsellor": "usr_2"})


def test_a_full_page_names_the_next_one_and_the_last_page_none():
    rows = [Row(str(n)) for n in range(3)]
    assert cut(rows, 2) == (rows[:2], "1")
    assert cut(rows, 3) == (rows, None)
    assert cut([], 3) == ([], None)
