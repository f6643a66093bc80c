"""A document is read, pseudonymised and sealed; nothing of it is kept in the clear."""

import pytest
from sqlalchemy import text as sql

from keel.identifiers import new_id

CV = """Jeanne MARCHADIER
Assistante de gestion
12 rue des Tilleuls, 44000 Nantes
06 39 98 12 34 - jeanne.marchadier@example.org
RQTH depuis 2021

Expériences
2019 - 2024 : Assistante de gestion, Menuiserie Valdor, Nantes
• Suivi des factures.
2015 - 2019 : Secrétaire, Garage Bretel, Rezé

Langues : anglais B1
"""


async def test_a_cv_comes_back_without_what_identifies(anonymizer):
    document_id = new_id("doc")
    made = await anonymizer.take_in(CV.encode(), document_id)
    assert made.status_code == 201, made.text
    view = made.json()
    assert view["media_type"] == "text/plain"
    assert view["entity_counts"]["PERSON"] >= 1
    assert view["special_categories"] == [{"category": "health", "action": "removed"}]
    read = await anonymizer.call(
        "read_pseudonymised", "GET", f"/documents/{document_id}/pseudonymised"
    )
    text = read.json()["text"]
    for secret in (
        "Jeanne",
        "MARCHADIER",
        "06 39",
        "example.org",
        "Tilleuls",
        "RQTH",
        "Valdor",
        "Nantes",
    ):
        assert secret not in text
    assert "Assistante de gestion" in text
    assert "2019 - 2024" in text
    assert "[mention retirée]" in text


async def test_the_outline_is_read_on_the_pseudonymised_text(anonymizer):
    document_id = new_id("doc")
    await anonymizer.take_in(CV.encode(), document_id)
    read = await anonymizer.call("read_outline", "GET", f"/documents/{document_id}/outline")
    outline = read.json()
    assert outline["headline"] == "Assistante de gestion"
    first, second = outline["experiences"]
    assert (first["title"], first["start"], first["end"]) == (
        "Assistante de gestion",
        "2019",
        "2024",
    )
    assert first["employer"].startswith("[ORGANISATION_")
    assert first["missions"][0]["text"] == "Suivi des factures."
    assert second["title"] == "Secrétaire"
    assert outline["languages"][0]["cefr"] == "B1"


async def test_findings_show_the_original_passages_and_why_they_were_masked(anonymizer):
    document_id = new_id("doc")
    await anonymizer.take_in(CV.encode(), document_id)
    found = (
        await anonymizer.call("read_findings", "GET", f"/documents/{document_id}/findings")
    ).json()
    phone = next(f for f in found["masked"] if f["label"] == "PHONE")
    assert phone["text"] == "06 39 98 12 34"
    assert phone["surrogate"] == "[TELEPHONE_1]"
    assert phone["rule"].startswith("fr_phone")
    assert found["special"] == [
        {"category": "health", "action": "removed", "text": "RQTH depuis 2021"}
    ]


async def test_the_same_id_again_gives_what_is_stored(anonymizer):
    document_id = new_id("doc")
    first = await anonymizer.take_in(CV.encode(), document_id)
    again = await anonymizer.take_in(b"Autre texte", document_id)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()


async def test_a_value_keeps_its_surrogate_across_documents(anonymizer):
    ids = [new_id("doc"), new_id("doc")]
    texts = []
    for document_id in ids:
        await anonymizer.take_in(CV.encode(), document_id)
        read = await anonymizer.call(
            "read_pseudonymised", "GET", f"/documents/{document_id}/pseudonymised"
        )
        texts.append(read.json()["text"])
    assert texts[0] == texts[1]


async def test_nothing_is_stored_in_the_clear(anonymizer):
    await anonymizer.take_in(CV.encode())
    async with anonymizer.app.state.database.begin(anonymizer.tenant) as session:
        rows = [*await session.execute(sql("select * from documents"))]
        rows += [*await session.execute(sql("select * from vault_entries"))]
    stored = b"".join(bytes(v) for row in rows for v in row if isinstance(v, bytes | memoryview))
    assert b"MARCHADIER" not in stored
    assert b"health" not in stored
    assert b"gestion" not in stored


async def test_a_document_of_another_tenant_or_bilan_does_not_exist(anonymizer):
    document_id = new_id("doc")
    await anonymizer.take_in(CV.encode(), document_id)
    for stranger in (
        anonymizer.of(tenant=new_id("tnt"), bilan=anonymizer.bilan),
        anonymizer.of(bilan=new_id("bil")),
    ):
        answer = await stranger.call("read_document", "GET", f"/documents/{document_id}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_deleted_document_is_gone(anonymizer):
    document_id = new_id("doc")
    await anonymizer.take_in(CV.encode(), document_id)
    assert (
        await anonymizer.call("delete_document", "DELETE", f"/documents/{document_id}")
    ).status_code == 204
    assert (
        await anonymizer.call("read_document", "GET", f"/documents/{document_id}")
    ).status_code == 404


async def test_what_the_caller_knows_is_masked_wherever_it_stands(anonymizer):
    answer = await anonymizer.pseudonymise(
        "le dossier de zorglubine avance", hints={"last_name": "Zorglubine"}
    )
    assert "zorglubine" not in answer.json()["texts"][0]["text"]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"   \n", 422, "empty_document"),
        (b"%PDF-1.7 not really", 422, "unreadable_document"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(64), 415, "media_type"),
        (b"PK\x03\x04 cut off", 422, "unreadable_document"),
        ("J'ai été condamné à deux ans de prison.".encode(), 422, "criminal_data_blocked"),
    ],
)
async def test_a_file_that_cannot_be_taken_in_is_refused_with_a_reason(
    anonymizer, content, status, code
):
    answer = await anonymizer.take_in(content)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert len(answer.json()["detail"]) > 20


async def test_an_oversize_file_is_refused(anonymizer):
    answer = await anonymizer.take_in(b"a" * (20 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


async def test_hints_that_are_no_json_object_are_refused(anonymizer):
    answer = await anonymizer.take_in(b"Bonjour", hints="[")
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_no_pass_no_answer(anonymizer):
    assert (await anonymizer.client.get(f"/documents/{new_id('doc')}")).status_code == 401
