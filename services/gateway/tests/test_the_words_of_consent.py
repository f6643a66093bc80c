"""The closed vocabulary: every word in two languages, tied to a term that others know."""

import re

import httpx
import pytest
from fastapi import FastAPI

from gateway.consents.receipts import SCHEMA
from gateway.consents.rules import ConsentStatus, Decision, EndReason
from gateway.consents.vocabulary import LISTS, receipt_mapping, vocabulary
from gateway.consents.vocabulary_api import router

DPV = "https://w3id.org/dpv#"
PD = "https://w3id.org/dpv/pd#"
GDPR = "https://w3id.org/dpv/legal/eu/gdpr#"
NAMESPACES = {
    "purposes": {DPV},
    "data_categories": {PD, DPV},
    "legal_bases": {GDPR},
    "recipient_roles": {DPV},
    "statuses": {DPV},
    "end_reasons": {DPV},
}
TERMS = {
    DPV: {
        "ConsentExpired", "ConsentGiven", "ConsentRefused", "ConsentRequested", "ConsentRevoked",
        "ConsentStatusInvalidForProcessing", "ConsentWithdrawn", "DataController", "DataProcessor",
        "DataSubProcessor", "OptimisationForController", "ProvidePersonalisedRecommendations",
        "RequestedServiceProvision", "SpecialCategoryPersonalData",
    },
    PD: {
        "Intention", "KnowledgeBelief", "MedicalHealth", "Professional", "ProfessionalEvaluation",
        "ProfessionalInterview", "Social",
    },
    GDPR: {"A6-1-a", "A9-2-a"},
}  # fmt: skip
"""The terms as they were read in DPV 2.0 (docs/consent-vocabulary.md says where)."""

ENTRIES = [
    pytest.param(name, entry, id=f"{name}: {entry['id']}")
    for name in LISTS
    for entry in getattr(vocabulary(), name).values()
]


@pytest.fixture
async def published():
    app = FastAPI()
    app.include_router(router)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://gateway") as http:
        yield http


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_each_word_is_tied_to_a_term_that_was_read(name, entry):
    namespace, _, term = entry["dpv"]["iri"].partition("#")
    assert namespace + "#" in NAMESPACES[name]
    assert term in TERMS[namespace + "#"]
    assert isinstance(entry["dpv"]["broader"], bool)


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_each_word_has_its_french_and_its_english(name, entry):
    assert entry["fr"].strip() and entry["en"].strip()  # noqa: PT018 - two sides of one word
    assert entry["fr"] != entry["en"]
    assert "'" not in entry["fr"], "a typographic apostrophe, as the notice has"


def test_every_state_and_every_end_has_a_word():
    assert set(vocabulary().statuses) == set(ConsentStatus)
    assert set(vocabulary().end_reasons) == set(EndReason)


def test_special_categories_and_only_they_have_a_question_of_their_own():
    for category in vocabulary().data_categories.values():
        assert category["special"] is category["id"].startswith("special.")
        assert category["special"] is ("explicit_question" in category)
        assert category["special"] is ("explicit_notice" in category)


def test_there_is_no_word_for_offences_nor_for_training_models():
    words = {word for name in LISTS for word in getattr(vocabulary(), name)}
    assert not {w for w in words if re.search("crimin|offen|train_|model", w)}


async def test_it_is_published_whole(published):
    answer = await published.get("/v1/vocabulary")
    assert answer.status_code == 200
    for name in LISTS:
        assert [e["id"] for e in answer.json()[name]] == list(getattr(vocabulary(), name))
    assert answer.json()["dpv_version"] == "2.0"


async def test_the_receipt_mapping_is_published(published):
    answer = await published.get("/v1/vocabulary/receipt-mapping")
    assert answer.json() == receipt_mapping()
    assert SCHEMA == "bct-receipt/1"


MANDATORY = {
    "schema version", "record id", "receipt id", "pii principal id", "privacy notice", "language",
    "purpose", "pii information", "pii type", "pii controllers", "storage locations",
    "retention period", "jurisdiction", "recipient third parties", "withdrawal method", "party id",
}  # fmt: skip
"""Mandatory in ISO/IEC TS 27560, but for the address, name and contact of parties: see the page."""


def test_the_mapping_names_every_mandatory_field_of_the_standard():
    named = {
        field
        for member in receipt_mapping()["members"]
        for field in re.split(r", ?", member["iso_27560"] or "")
    }
    assert named >= MANDATORY


def test_what_was_taken_back_since_is_no_answer_to_a_question():
    assert {Decision.WITHDRAWN, Decision.SUPERSEDED} == set(Decision) - {"granted", "refused"}
