"""The register of uses of AI as a document: all that was handed in, and nothing kept of it."""

import copy
import io
import json
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from sqlalchemy import text as sql

from reports.register.document import Register
from reports.register.printing import render_register
from reports.tables import Base

SAMPLE = Path(__file__).parent / "sample_register.json"


@pytest.fixture
def register():
    return json.loads(SAMPLE.read_text())


def pages_of(data):
    return render_register(Register.model_validate(data))


def text_of(pdf):
    read = pypdfium2.PdfDocument(pdf)
    text = " ".join(page.get_textpage().get_text_range() for page in read)
    return flat(text)


def flat(text):
    return "".join(text.replace("\u200b", "").replace("\ufffe", "").split())


def test_every_line_that_was_handed_in_is_on_the_pages(register):
    text = text_of(pages_of(register))
    for use in (*register["uses"], *register["computed"]):
        assert flat(use["what"]) in text
        assert use["record"] in text
        for line in use["lines"]:
            assert flat(line["label"]) in text
            assert flat(line["text"]) in text
    for one in (*register["unused"], *register["consents"]):
        assert flat(one["text"]) in text
    for value in ("person", "centre", "beneficiary", "made_on"):
        assert flat(register[value]) in text
    for value in (register["log"]["origin"], register["log"]["root"], "1204empreintes"):
        assert value in text
    assert "Vousavezcontestécetusage." in text


def test_it_says_what_the_log_proves_and_what_it_does_not(register):
    text = text_of(pages_of(register))
    assert flat("ce qui est écrit n’a pas été changé depuis") in text
    assert flat("Ce que cela ne prouve pas : que tout a été écrit") in text


def test_without_any_use_it_says_so(register):
    nothing = {**register, "uses": [], "computed": [], "unused": [], "consents": [], "person": ""}
    text = text_of(pages_of(nothing))
    assert flat("Le registre ne contient aucun usage de l’intelligence artificielle") in text
    assert f"Dossier{register['beneficiary']}" in text


def test_the_same_register_gives_the_same_bytes_with_its_data_attached(register):
    pdf = pages_of(register)
    assert pages_of(copy.deepcopy(register)) == pdf
    with pikepdf.open(io.BytesIO(pdf)) as read:
        (name,) = read.attachments
        assert name == "releve.json"
        attached = json.loads(read.attachments[name].get_file().read_bytes())
    assert Register.model_validate(attached) == Register.model_validate(register)


@pytest.mark.parametrize(
    "hostile",
    ["#panic()", '#import "/etc/passwd"', "$x$ *b* _i_ <a> @b", "🙂 \u202e retour", "a" * 400],
)
def test_words_are_never_read_as_layout(register, hostile):
    register["uses"][0]["what"] = hostile
    register["uses"][0]["lines"][4]["text"] = hostile
    register["person"] = hostile
    assert pages_of(register).startswith(b"%PDF-")


async def test_the_service_renders_it_and_stores_nothing(desk, register):
    headers = desk.mint("reports", "render_transparency_report", tenant="tnt_1")
    answer = await desk.client.post("/transparency-reports", json=register, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.content == pages_of(register)
    for table in Base.metadata.tables:
        async with desk.app.state.database.begin("tnt_1") as session:
            count = f"select count(*) from {table}"  # noqa: S608 - our own names
            assert await session.scalar(sql(count)) == 0


async def test_nobody_without_a_pass_for_it_is_answered(desk, register):
    headers = desk.mint("reports", "read_report", tenant="tnt_1")
    refused = await desk.client.post("/transparency-reports", json=register, headers=headers)
    assert refused.status_code == 401


@pytest.mark.full
def test_two_thousand_uses_are_rendered_within_the_time_limit(register):
    many = {**register, "uses": register["uses"] * 1000}
    assert pages_of(many).startswith(b"%PDF-")
