"""A bilan ends and its synthesis stays, because the person agreed: in their words, until it is over.

Played through the real gateway and services: documents, runs and vault go with the bilan.
"""

import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from demo.beneficiary import Beneficiary
from demo.centre import Refused

pytestmark = [
    pytest.mark.journey,
    pytest.mark.full,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("quick_chores"),
]


@dataclass
class Kept:
    """A bilan that was closed, and what stayed of it."""

    centre: Any
    beneficiary: str
    bilan: str
    report: str
    personal_link: str
    name: str
    agreement: str
    document: str
    pdf: bytes
    closed: dict[str, Any]


@pytest.fixture
def quick_chores(monkeypatch):
    """Let the job of what is due look each second, in a platform that starts after this."""
    monkeypatch.setenv("GATEWAY_CHORES_INTERVAL", "PT1S")


@pytest.fixture
def kept(on_sqlite, play_on):
    """A bilan that was closed while an agreement keeps its signed synthesis."""
    played = play_on(on_sqlite)
    agreed = {
        "bilan": played.bilan, "scope": "synthesis", "reason": "follow_up", "until": "2027-12-31",
        "method": "signed_document", "document_sha256": "a" * 64,
    }  # fmt: skip
    agreement = played.centre._create("/v1/retention-agreements", agreed)["id"]
    pdf = played.centre.report_file(played.report, 1, "pdf")
    document = _copy(played)["documents"][0]["id"]
    ended = {"outcome": "abandoned"}
    asked = played.centre._create(f"/v1/bilans/{played.bilan}/closing", ended)
    closed = _done(played, asked["id"])
    return Kept(**vars(played), agreement=agreement, pdf=pdf, document=document, closed=closed)


@pytest.fixture
def counted(on_sqlite):
    """Count the rows of a service's tables."""

    def count(service, *tables):
        found = {
            table: on_sqlite.rows(service, f"SELECT count(*) FROM {table}")[0][0]  # noqa: S608 - our own names
            for table in tables
        }
        return {table: number for table, number in found.items() if number}

    return count


def _done(played, destruction, seconds=60):
    until = time.monotonic() + seconds
    while (told := played.centre._get(f"/v1/destructions/{destruction}"))["state"] != "done":
        assert time.monotonic() < until, told
        time.sleep(0.1)
    return told


def _copy(played):
    return played.centre._get(f"/v1/beneficiaries/{played.beneficiary}/export")


def _refusal(read, *what):
    with pytest.raises(Refused) as refused:
        read(*what)
    return refused.value.status


def _on_their_page(installation, played, path):
    person = Beneficiary.at(installation.platform.url)
    try:
        person._open_link(played.personal_link)
        return person._request("GET", path)
    finally:
        person.close()


def test_both_read_the_synthesis_in_the_persons_words_until_the_agreement_ends(
    on_sqlite, kept, counted
):
    _is_read_and_nothing_else_is(on_sqlite, kept, counted)
    kept.centre._send("DELETE", f"/v1/retention-agreements/{kept.agreement}")
    assert _refusal(kept.centre.report, kept.report) in {404, 409}
    _done(kept, _end_of(kept))
    _is_gone(on_sqlite, kept, counted)


def _is_read_and_nothing_else_is(on_sqlite, kept, counted):
    assert kept.closed["certificate"]["acknowledged"]["keeping"]["reports"] == 1
    centre = kept.centre

    read = centre.report(kept.report)
    assert read["kept"]
    written = json.dumps(read, ensure_ascii=False)
    assert f"{kept.name} y tient." in written
    assert centre.report_file(kept.report, 1, "pdf") == kept.pdf
    assert _refusal(centre.pseudonymised, kept.document) in {404, 409, 410}

    listed = _on_their_page(on_sqlite, kept, "/me/documents")
    assert f"/me/reports/{kept.report}" in listed.text
    assert "/me/documents/doc_" not in listed.text
    assert _on_their_page(on_sqlite, kept, f"/me/reports/{kept.report}").content == kept.pdf

    told = _copy(kept)
    (report,) = told["reports"]
    assert report["content"] == read
    assert (told["documents"], told["runs"]) == ([], [])

    assert counted("anonymizer", "documents", "vault_entries", "kept_documents", "content_keys") == {}  # fmt: skip
    assert counted("gateway", "documents", "runs", "content_keys") == {}
    assert counted("reports", "reports", "revisions", "files", "acts") == {}


def _is_gone(on_sqlite, kept, counted):
    assert counted("reports", "kept_reports", "kept_files", "content_keys") == {}
    assert counted("gateway", "reports") == {}
    assert _copy(kept)["reports"] == []
    assert kept.report not in _on_their_page(on_sqlite, kept, "/me/documents").text
    gone = _on_their_page(on_sqlite, kept, f"/me/reports/{kept.report}")
    assert (gone.status_code, "n’est plus gardé ici" in gone.text) == (404, True)


def _end_of(played):
    """Return the destruction that the job begins of what the agreement kept."""
    until = time.monotonic() + 30
    while True:
        listed = played.centre._get("/v1/destructions")["items"]
        found = [one["id"] for one in listed if one["kind"] == "retention_end"]
        if found:
            return found[0]
        assert time.monotonic() < until, listed
        time.sleep(0.2)
