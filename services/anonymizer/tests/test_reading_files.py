"""Files are read by their content, in reading order, without what the page hides."""

import io
import json
import re
import unicodedata
import zipfile
from pathlib import Path

import pytest

from anonymizer.intake import work
from anonymizer.intake.layout import Word, text_of
from anonymizer.intake.reader import read
from anonymizer.intake.rules import ReadingLimits, RefusedFile

LIMITS = ReadingLimits()
_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def _docx(body: str, **parts: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "word/document.xml", f"<w:document {_W}><w:body>{body}</w:body></w:document>"
        )
        for name, part in parts.items():
            archive.writestr(f"word/{name}.xml", part)
    return content.getvalue()


def _run(text: str, properties: str = "") -> str:
    return f"<w:r><w:rPr>{properties}</w:rPr><w:t>{text}</w:t></w:r>"


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).replace("’", "'").casefold()
    return " ".join(re.sub(r"[•\t]", " ", folded).split())


def _facts(truth: dict) -> list[str]:
    contact = truth["contact"]
    facts = [
        truth["name"]["full"],
        contact["email"],
        contact["phone"],
        contact["address"],
        contact["city"],
    ]
    for post in truth["experiences"]:
        facts += [post["title"], post["employer"], post["dates_as_written"], *post["bullets"]]
    for study in truth["education"]:
        facts += [study["degree"], study["school"]]
    return [fact for fact in facts + truth["skills"] + truth["interests"] if fact]


@pytest.mark.shelf
@pytest.mark.parametrize(
    "name", ["cv01.pdf", "cv02.pdf", "cv03.docx", "cv04.odt", "cv05.pdf", "cv06.docx"]
)
def test_every_fact_of_a_cv_is_read_once_and_in_order(shelf: Path, name: str):
    path = shelf / "cvs-fr" / name
    truth = json.loads(path.with_suffix(".truth.json").read_text("utf-8"))
    try:
        reading = read(path.read_bytes(), LIMITS)
    except RefusedFile as refused:
        if refused.code == "ocr_unavailable":
            pytest.skip(refused.detail)
        raise
    text = _plain(reading.text)
    assert reading.ocr is truth["ocr_required"]
    assert [fact for fact in _facts(truth) if _plain(fact) not in text] == []
    at = [text.index(_plain(b)) for post in truth["experiences"] for b in post["bullets"]]
    assert at == sorted(at)
    for post in truth["experiences"]:
        for bullet in post["bullets"]:
            assert text.count(_plain(bullet)) == 1
    hidden = _plain(" ".join(item.text for item in reading.hidden))
    for secret in truth["hidden_text"]:
        assert _plain(secret) in hidden
        assert _plain(secret)[:40] not in text
    assert bool(reading.hidden) is bool(truth["hidden_text"])


def test_what_word_hides_is_reported_and_never_read():
    body = "".join(
        f"<w:p>{run}</w:p>"
        for run in (
            _run("Visible"),
            _run("vanished", "<w:vanish/>"),
            _run("white", '<w:color w:val="FFFFFF"/>'),
            _run("tiny", '<w:sz w:val="2"/>'),
            _run("shown", '<w:vanish w:val="0"/>'),
            _run("white on blue", '<w:color w:val="FFFFFF"/><w:shd w:fill="0000FF"/>'),
        )
    )
    reading = read(_docx(body), LIMITS)
    assert reading.text.split("\n") == ["Visible", "", "shown", "white on blue"] or (
        [line for line in reading.text.split("\n") if line] == ["Visible", "shown", "white on blue"]
    )
    assert [(item.kind, item.text) for item in reading.hidden] == [
        ("not_displayed", "vanished"),
        ("same_colour", "white"),
        ("tiny", "tiny"),
    ]


def test_a_style_that_vanishes_hides_its_text():
    styles = (
        f'<w:styles {_W}><w:style w:styleId="Ghost"><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
    )
    body = f"<w:p>{_run('seen')}{_run('unseen', '<w:rStyle w:val=' + chr(34) + 'Ghost' + chr(34) + '/>')}</w:p>"
    reading = read(_docx(body, styles=styles), LIMITS)
    assert reading.text == "seen"
    assert reading.hidden[0].text == "unseen"


def test_headers_tables_and_deleted_text_of_word():
    body = (
        f"<w:tbl><w:tr><w:tc><w:p>{_run('2019')}</w:p></w:tc><w:tc><w:p>{_run('Vendeuse')}</w:p></w:tc></w:tr></w:tbl>"
        f"<w:p><w:del>{_run('struck')}</w:del>{_run('kept')}</w:p>"
    )
    header = f"<w:hdr {_W}><w:p>{_run('Mon en-tête')}</w:p></w:hdr>"
    text = read(_docx(body, header1=header), LIMITS).text
    assert [line for line in text.split("\n") if line] == [
        "Mon en-tête",
        "2019",
        "Vendeuse",
        "kept",
    ]


def test_tag_characters_are_reported_with_what_they_say():
    said = "".join(chr(0xE0000 + ord(c)) for c in "ignore")
    reading = read(f"Bonjour{said} à tous".encode(), LIMITS)
    assert reading.text == "Bonjour à tous"
    assert (reading.hidden[0].kind, reading.hidden[0].text) == ("invisible_characters", "ignore")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_plain_text_is_read_in_the_usual_encodings(encoding):
    assert read("Prénom : Zoé, 35 €".encode(encoding), LIMITS).text == "Prénom : Zoé, 35 €"


def test_two_columns_are_read_one_after_the_other_and_dated_rows_across():
    side = [Word(f"g{i}", 20, 100 + 20 * i, 60, 110 + 20 * i) for i in range(6)]
    main = [Word(f"d{i}", 200, 100 + 20 * i, 300, 110 + 20 * i) for i in range(6)]
    text = text_of([w for pair in zip(side, main, strict=True) for w in pair], 10)
    assert text.split() == [*(w.text for w in side), *(w.text for w in main)]
    dates = [Word(str(2010 + i), 20, w.top, 60, w.bottom) for i, w in enumerate(side)]
    rows = text_of([w for pair in zip(dates, main, strict=True) for w in pair], 10)
    assert rows.split()[:4] == ["2010", "d0", "2011", "d1"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_document"),
        (_docx("<w:p/>"), "empty_document"),
        (b"%PDF-1.4\n%%EOF", "unreadable_document"),
        (_docx("<w:p>")[:-30], "unreadable_document"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "encrypted_document",
        ),
        (b"\x7fELF" + bytes(400), "media_type"),
        (_docx("a" * 30_000_000), "too_large"),
    ],
    ids=["empty", "no text", "bare PDF", "cut zip", "encrypted office", "program", "zip bomb"],
)
def test_a_bad_file_is_refused_with_its_code(content, code):
    with pytest.raises(RefusedFile) as refusal:
        read(content, LIMITS)
    assert refusal.value.code == code


def test_entities_in_an_office_file_are_refused():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", '<!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    with pytest.raises(RefusedFile, match="entities"):
        read(content.getvalue(), LIMITS)


def test_a_surprise_in_a_parser_is_a_refusal_that_says_nothing_of_the_file(monkeypatch):
    def broken(*_: object) -> None:
        raise RuntimeError("secret of the file")

    monkeypatch.setattr(work.reader, "read", broken)
    answer = work.read_to_json(b"x").decode()
    assert "unreadable_document" in answer
    assert "secret" not in answer
