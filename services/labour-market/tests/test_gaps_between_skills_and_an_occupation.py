"""Held, partial, missing, unknown: set algebra, never a level."""

from labour_market.gaps.rules import State, gaps

ASKED = [("stock", "core"), ("order", "core"), ("forklift", "specific"), ("stocktaking", "core")]


def likeness(one, other):
    return 0.8 if {one, other} == {"stock", "stocktaking"} else 0.0


def test_each_asked_skill_has_one_state():
    found = {g.skill: g.state for g in gaps(ASKED, {"stock"}, likeness)}
    assert found == {
        "stock": State.HELD,
        "order": State.MISSING,
        "forklift": State.UNKNOWN,
        "stocktaking": State.PARTIAL,
    }


def test_a_partial_skill_says_through_which_held_one():
    partial = next(g for g in gaps(ASKED, {"stock"}, likeness) if g.state is State.PARTIAL)
    assert partial.through == "stock"


def test_what_is_to_acquire_comes_first_and_what_is_held_last():
    states = [g.state for g in gaps(ASKED, {"stock"}, likeness)]
    assert states == [State.MISSING, State.PARTIAL, State.UNKNOWN, State.HELD]


def test_holding_nothing_makes_nothing_held():
    assert not {State.HELD, State.PARTIAL} & {g.state for g in gaps(ASKED, set(), likeness)}
