"""The text before and after stands side by side, with every masked part visible."""

import io

import pytest

from demo.side_by_side import original, padded, places, rows, surrogates_in, wrapped
from demo.terminal import Terminal

RESTORED = {
    "[PERSONNE_1]": "Ada Noir",
    "[TELEPHONE_1]": "06 39 98 00 00",
    "[ADRESSE_1]": "1 rue A\n44000 Nantes",
}


def test_each_masked_part_is_shown_between_angle_marks():
    line = original("Mme [PERSONNE_1], [TELEPHONE_1]", RESTORED, iter(()))
    assert line == "Mme ‹Ada Noir›, ‹06 39 98 00 00›"


def test_an_unknown_surrogate_stays_as_it_is():
    assert original("[PERSONNE_9]", RESTORED, iter(())) == "‹[PERSONNE_9]›"


def test_what_was_removed_for_good_is_shown_in_order():
    taken = iter(["RQTH", "CFDT"])
    assert (
        original("[mention retirée] puis [mention retirée]", RESTORED, taken)
        == "‹RQTH› puis ‹CFDT›"
    )


@pytest.mark.parametrize("width", [40, 79, 80, 81, 120])
def test_both_columns_fit_the_screen_and_stay_level(width):
    text = (
        "[PERSONNE_1] habite [ADRESSE_1]\n\n\nUne ligne assez longue pour être coupée en plusieurs morceaux, même sur un écran large.\n"
        + "x" * 130
    )
    column = (width - 3) // 2
    for row in rows(text, RESTORED, [], width=width):
        assert places(row.before) == column
        assert places(row.after) <= column


def test_only_rows_that_hold_something_masked_are_marked():
    found = rows("[PERSONNE_1]\nAssistante", RESTORED, [], width=80)
    assert [row.changed for row in found] == [True, False]
    assert found[1].before.strip() == found[1].after == "Assistante"


def test_several_empty_lines_become_one():
    assert [row.after for row in rows("a\n\n\n\nb", {}, [], width=80)] == ["a", "", "b"]


def test_removed_mentions_that_do_not_match_the_text_are_not_guessed():
    (row,) = rows("[mention retirée]", {}, ["un", "deux"], width=80)
    assert row.before.strip() == "‹[mention retirée]›"


def test_words_longer_than_a_column_are_cut():
    assert wrapped("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]
    assert wrapped("", 10) == [""]


def test_a_line_never_begins_with_a_closing_guillemet():
    assert wrapped("Certificat «\u00a0Paie\u00a0»", 17) == ["Certificat", "«\u00a0Paie\u00a0»"]


def test_combining_and_wide_characters_are_counted_as_they_are_drawn():
    assert places("e\u0301") == 1
    assert places("語") == 2
    assert padded("e\u0301", 3) == "e\u0301  "


def test_surrogates_are_listed_once_in_order():
    assert surrogates_in("[B_2] [A_1] [B_2] [mention retirée]") == ["[B_2]", "[A_1]"]


def test_without_a_screen_nothing_but_text_is_written():
    out = io.StringIO()
    terminal = Terminal.of(out, {"TERM": "xterm"})
    terminal.title("Titre")
    terminal.heading(1, "Une étape")
    terminal.done("fait", 12)
    terminal.side_by_side(
        rows("[PERSONNE_1]", RESTORED, [], width=terminal.width), heads=("avant", "après")
    )
    assert "\x1b" not in out.getvalue()
    assert "▸ [PERSONNE_1]" in out.getvalue()
    assert all(len(line) <= terminal.width for line in out.getvalue().splitlines())


def test_with_a_screen_colours_are_used_unless_refused():
    class Screen(io.StringIO):
        def isatty(self):
            return True

    assert Terminal.of(Screen(), {"TERM": "xterm"}).has_colours
    assert not Terminal.of(Screen(), {"TERM": "xterm", "NO_COLOR": "1"}).has_colours
    assert not Terminal.of(Screen(), {"TERM": "dumb"}).has_colours


def test_a_long_result_keeps_its_time_on_the_first_line():
    out = io.StringIO()
    Terminal(out, 60, has_colours=False).done("mot " * 40, 1234)
    first, *rest = out.getvalue().splitlines()
    assert first.endswith("1234 ms")
    assert all(len(line) <= 60 for line in [first, *rest])
