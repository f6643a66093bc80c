"""I-4: vary each fact at its source, and see the record's field vary.

Two worlds, in which everything that the services, the operator, the centre and the clock say
differs. Every field of the records of an assisted run must differ between them, in value or in being
there; one that does not is hard-coded. What is the same by definition is on a list with its reason.
"""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from gateway.records import store as record_store
from gateway.records.fields import of_kind
from gateway.records.rules import Kind
from gateway.runs.facts import Installation
from gateway.tables import ClosedPhase, Tenant
from keel.clock import utc_now

pytestmark = pytest.mark.parametrize(
    "migrated",
    ["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full])],
    indirect=True,
)

SAME = frozenset(
    {
        "schema_version", "event_type", "phase", "legal_basis", "automated_decision",
        "special_category_basis", "output_kind", "marking_exemption", "visible_label", "operation",
        "purpose_code", "consent_scopes_required", "consent_scopes_present", "input_categories",
        "provider_name", "processing_location", "use_case_id", "marking_applied",
        "digital_source_type", "actor_type", "retention_class", "erase_after",
    }
)  # fmt: skip
"""What one and the same consent, use case and setting make the same in both lives: varied, each at
its source, in `test_no_field_is_hard_coded`."""
CLOSED = [Kind.AI_DISPATCH, Kind.AI_RESULT, Kind.AI_MARKED]

ONE: dict[str, Any] = {
    "card": {},
    "document": {},
    "text": {},
    "candidate": {"route": "route.local"},
    "started": {},
    "last": {},
}
OTHER: dict[str, Any] = {
    "card": {
        "version": "2.0.0", "oversight": "H2", "risk_class": "minimal", "system_id": "router-b",
        "necessity_code": "skills_inventory", "system_version": "9.9.9", "id": "cv-analysis",
    },
    "document": {
        "entity_counts": {"PERSON": 7, "EMAIL": 1},
        "special_categories": [{"category": "health", "action": "removed"}],
        "pseudonymisation": {"profile": "surrogates-fr-sm", "version": "2+abc"},
        "data_categories": [],
    },
    "text": {"pseudonymised": True, "text": "Un autre texte."},
    "candidate": {
        "route": "route.ue", "model": "mistral-small", "model_provider": "mistral",
        "deployment": "cloud", "retention": "none", "training_use": "none",
        "transfer_mechanism": "adequacy",
    },
    "started": {
        "operation": "chat", "parameters": {"temperature": "0.4", "max_output_tokens": 900},
        "prompt": {"id": "other", "version": "2", "digest": "f" * 64},
    },
    "last": {
        "finish_reason": "tool_calls", "model_returned": "mistral-small-2506",
        "usage": {"input_tokens": 12, "output_tokens": 34}, "schema_id": "other.v2",
        "repaired": True, "evidence_coverage": 40, "schema_valid": False,
        "guardrails": [{"name": "answer_shape", "version": "v1", "fired": True}],
        "output": {"threads": [], "open_questions": ["?"], "experiences": []},
    },
}  # fmt: skip


@pytest.fixture
def world(inside, monkeypatch):
    """Let the doubles speak as one of the two worlds."""

    def turn(facts: dict[str, Any]) -> None:
        module = __import__("sys").modules["gate_tests_inside"]
        answer, candidate, line = inside._answer, module._candidate, module._line

        def told(path: str, body: bytes) -> Any:
            if path == "/plans":
                chosen = {**candidate("local"), **facts["candidate"]}
                rejected = [{"deployment": "far", "reason": "jurisdiction"}]
                return {"candidates": [chosen], "rejected": rejected if facts is OTHER else []}
            found = answer(path, body)
            if path.endswith("/pseudonymised"):
                return {**found, **facts["text"]}
            if path.startswith("/use-cases/"):
                return {**found, **facts["card"]}
            if path.startswith("/documents/") and "special_categories" in found:
                return {**found, **facts["document"]}
            return found

        async def spoken(send: Any, event: dict[str, Any]) -> None:
            more = {"started": facts["started"], "completed": facts["last"]}.get(event["type"], {})
            await line(send, {**event, **more})

        monkeypatch.setattr(inside, "_answer", told)
        monkeypatch.setattr(module, "_line", spoken)

    return turn


@pytest.fixture
def life(app, assisted, world):
    """The bodies of one use of AI in a world, by kind."""

    async def of(facts: dict[str, Any]) -> dict[str, dict[str, Any]]:
        world(facts)
        seen = {row.id for row in await assisted.records()}
        answer = await assisted.run()
        assert answer.status_code == 201, answer.text
        rows = [row for row in await assisted.records() if row.id not in seen]
        return {row.kind: row.said["body"] for row in rows}

    return of


async def change_our_own(app, assisted):
    """Change what our rows and the operator's settings say."""
    async with app.state.database.begin() as session:
        await session.execute(
            update(Tenant).where(Tenant.id == assisted.centre.tenant).values(siren="732829320")
        )
    async with app.state.database.begin(assisted.centre.tenant) as session:
        session.add(
            ClosedPhase(
                tenant=assisted.centre.tenant,
                bilan=assisted.bilan.id,
                phase="preliminary",
                aims=[],
                closed_by=assisted.bilan.counsellor,
                closed_at=utc_now(),
            )
        )
    told = Installation(
        "http://elsewhere", "552081317", "https://a/1", "https://b/2", "https://c/3"
    )
    later = replace(app.state.runs.assisted, installation=told, now=lambda: _LATER)
    app.state.runs = replace(app.state.runs, assisted=later)


_LATER = datetime(2030, 1, 1, tzinfo=UTC)


async def test_what_varies_at_its_source_varies_in_the_record(app, assisted, life, monkeypatch):
    """I-4, I-6: no field of a pre-call, closing or marking record is a constant."""
    first = await life(ONE)
    await change_our_own(app, assisted)
    monkeypatch.setattr(
        "gateway.gate.service.rfc3339", lambda at: f"{(at + timedelta(days=9)):%Y-%m-%dT%H:%M:%SZ}"
    )
    second = await life(OTHER)
    assert set(first) == set(second) == {str(kind) for kind in CLOSED}
    still = {
        (kind, name)
        for kind, body in first.items()
        for name in body.keys() | second[kind].keys()
        if name not in SAME and body.get(name) == second[kind].get(name)
    }
    assert still == set()
    told = {name for kind in CLOSED for name in first[kind].keys() | second[kind].keys()}
    unseen = {name for kind in CLOSED for name in of_kind(kind)} - told
    assert unseen <= _OF_DOCUMENTS


_OF_DOCUMENTS = {"sections", "rests_on", "report", "version", "released_at", "reference_data"}
"""What only a report, or a use of the labour market, carries."""


async def test_a_whole_life_has_one_trace_and_the_pre_call_record_comes_first(assisted, life):
    """I-5 and I-11: the dispatch is committed first; one life cycle is one `trace_id`."""
    bodies = await life(OTHER)
    assert len({body["trace_id"] for body in bodies.values()}) == 1
    rows = await assisted.records(*map(str, CLOSED))
    assert [row.kind for row in rows] == [str(kind) for kind in CLOSED]
    assert all(row.said["occurred_at"].endswith("Z") for row in rows)


async def test_no_record_holds_what_was_written_or_a_name(assisted, life):
    """I-1 and I-2: neither the text, nor the model's words, nor the French titles; keyed digests."""
    bodies = await life(OTHER)
    everything = json.dumps(bodies, ensure_ascii=False)
    for word in ("Un autre texte", "Développeuse", "mot0", "Analyse de CV", "Le centre lui-même"):
        assert word not in everything


async def test_calls_are_pre_call_records_and_closing_records(app, assisted, inside, life):
    """One closing record for each dispatch, whether it held, failed or found no answer."""
    await life(ONE)
    inside.failing = {"local"}
    assert (await assisted.run()).status_code != 201
    rows = await assisted.records("ai.dispatch", "ai.result", "ai.error", "ai.cancelled")
    opened = [row.id for row in rows if row.kind == "ai.dispatch"]
    closing = [row.prev for row in rows if row.kind != "ai.dispatch"]
    assert sorted(opened) == sorted(closing)
    async with app.state.database.begin(assisted.centre.tenant) as session:
        for dispatch in opened:
            assert await record_store.is_closed(session, assisted.centre.tenant, dispatch)
