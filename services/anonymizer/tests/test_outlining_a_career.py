"""A CV's outline is read by rules, on the text as written and pseudonymised."""

import json
from pathlib import Path

import pytest

from anonymizer.intake.reader import read
from anonymizer.intake.rules import ReadingLimits
from anonymizer.outline.dates import periods
from anonymizer.outline.rules import outline


@pytest.mark.parametrize(
    ("written", "start", "end", "current"),
    [
        ("Depuis mars 2016", "2016-03", None, True), ("depuis 2019", "2019", None, True),
        ("Septembre 2011 – février 2016", "2011-09", "2016-02", False), ("01/2018 – 06/2025", "2018-01", "2025-06", False),
        ("sept. 2019 à mars 2025", "2019-09", "2025-03", False), ("Mai 2020 à aujourd’hui", "2020-05", None, True),
        ("janv. 2020 – auj.", "2020-01", None, True), ("Saison hiver 2012-2013", "2012-12", "2013-04", False),
        ("été 2015", "2015-06", "2015-09", False), ("Janvier – juin 2017", "2017-01", "2017-06", False),
        ("2021-25", "2021", "2025", False), ("2016 - 2019", "2016", "2019", False), ("2007", None, "2007", False),
        ("du 2 mai 2021 au 30 avril 2024", "2021-05", "2024-04", False), ("2019-2024", "2019", "2024", False),
    ],
)  # fmt: skip
def test_french_dates_are_read_in_their_forms(written, start, end, current):
    (period,) = periods(written)
    assert (period.start, period.end, period.current) == (start, end, current)


def test_an_amount_or_a_postcode_is_no_date():
    assert list(periods("budget 20150 €, 120190 pièces, 20 %")) == []


@pytest.mark.shelf
@pytest.mark.parametrize("name", ["cv01.pdf", "cv02.pdf", "cv03.docx", "cv04.odt", "cv06.docx"])
def test_the_posts_of_a_cv_are_read_with_their_dates(shelf: Path, name: str):
    path = shelf / "cvs-fr" / name
    truth = json.loads(path.with_suffix(".truth.json").read_text("utf-8"))
    found = outline(read(path.read_bytes(), ReadingLimits()).text)
    assert [(e.title, e.employer, e.start, e.end) for e in found.experiences] == [
        (e["title"], e["employer"], e["start"], e["end"]) for e in truth["experiences"]
    ]
    assert [e.degree for e in found.education] == [e["degree"] for e in truth["education"]]
    assert [s.text for s in found.skills] == truth["skills"]
    assert [i.text for i in found.interests] == truth["interests"]


def test_every_field_stands_where_it_says():
    text = "Zoé\nVendeuse\n\nExpériences\n2019 - 2024 : Vendeuse, Maison Roux, Pau\n• Vente et conseil\nsur mesure.\n\nCompétences\nCaisse ; Conseil"
    found = outline(text)
    for piece in (*found.skills, *found.experiences[0].missions):
        assert text[piece.start : piece.end].replace("\n", " ") == piece.text


def test_a_period_without_information_is_shown_neutrally():
    text = "Expériences\n2010-01 - 2010-06 : Vendeuse, Maison Roux\nMars 2012 – mai 2015 : Caissière, Maison Noir"
    (gap,) = outline(text).untold
    assert (gap.first, gap.last) == ("2010-07", "2012-02")


def test_surrogates_keep_their_roles():
    text = "[PERSONNE_1]\nVendeuse\n\nExpériences\nVendeuse\tDepuis mars 2016\n[ORGANISATION_1] – [LIEU_1]\n• Vente."
    (post,) = outline(text).experiences
    assert (post.title, post.employer, post.location) == (
        "Vendeuse",
        "[ORGANISATION_1]",
        "[LIEU_1]",
    )
