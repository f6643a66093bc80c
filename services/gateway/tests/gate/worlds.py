"""Two worlds that differ in each fact at its source, and what the records of each say.

A story goes once through each of them, by the very verbs that write records, and yields pairs of
bodies: what differs between the two of a pair was observed. `PLACES` are the functions in which a
story sees a field named beside its value: what `test_every_field_is_observed` hard-codes there.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import update

from gateway.configuration.rules import Component, Seen
from gateway.configuration.service import Configuration
from gateway.consents.rules import EndReason, Method
from gateway.consents.tokens import ConsentClaims
from gateway.exports.rules import ExportKind
from gateway.gate.service import Attempt
from gateway.holds.rules import HoldReason
from gateway.incidents.rules import IncidentClass, Outcome
from gateway.incidents.service import Opening
from gateway.keyring import Use
from gateway.log.service import NewOrigin
from gateway.operators.log import _change
from gateway.records import store as record_store
from gateway.records.api import _access
from gateway.records.rules import DEPLOYMENT, Actor, Fact, Kind, Retention, record_of
from gateway.reports.facts import of_signed
from gateway.rotation import Change
from gateway.runs import facts, marks
from gateway.runs.standing_facts import reviewer_facts
from gateway.services import About, Ground
from gateway.shares.service import _handed_over
from gateway.tables import (
    Consent,
    Destruction,
    DestructionStep,
    Disclosure,
    Qualification,
    Report,
    Share,
)
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.identifiers import new_id
from keel.problems import Problem

Body = dict[str, Any]
Pair = tuple[Body, Body]
AT, LATER = datetime(2026, 11, 23, 8, tzinfo=UTC), datetime(2027, 3, 1, 9, tzinfo=UTC)
RECORD, OTHER_RECORD = "rec_01J00000000000000000000000", "rec_01J00000000000000000000001"


class _Undone(Exception):  # noqa: N818 - no failure: a story leaves nothing behind
    """Ends a story's transaction."""


@dataclass
class World:
    """A gateway, a centre that is ready to run a use case, and all that is written meanwhile."""

    app: Any
    assisted: Any
    inside: Any
    patch: Any
    written: list[tuple[str, Body]] = field(default_factory=list)

    @property
    def state(self) -> Any:
        return self.app.state

    @property
    def tenant(self) -> str:
        return self.assisted.centre.tenant

    def caller(self, counsellor: str | None = None) -> Caller:
        return Caller(self.tenant, self.assisted.centre.client_id, frozenset(), counsellor)

    @property
    def counsellor(self) -> Caller:
        return self.caller(self.assisted.bilan.counsellor)

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[Any]:
        try:
            async with self.state.database.begin(self.tenant) as session:
                yield session
                await session.flush()
                raise _Undone
        except _Undone:
            return

    async def said(self, work: Awaitable[Any], kind: str | None = None) -> Body:
        """What the newest record says that this work wrote, of a kind if it writes several."""
        before = len(self.written)
        await work
        of_kind = [body for told, body in self.written[before:] if kind in {None, told}]
        assert of_kind, kind
        return of_kind[-1]

    async def bilan(self, session: Any) -> Any:
        return await self.state.bilans.find(session, self.tenant, self.assisted.bilan.id)


Story = Callable[[World], AsyncIterator[Pair]]
STORIES: dict[str, Story] = {}
PLACES: dict[str, tuple[str, ...]] = {}


def seen_in(*places: str) -> Callable[[Story], Story]:
    """Name where a story sees facts become fields."""

    def tell(story: Story) -> Story:
        STORIES[story.__name__], PLACES[story.__name__] = story, places
        return story

    return tell


def _drawn(
    kept: Retention = Retention.TWELVE_MONTHS, trace: str | None = None, **fact: Any
) -> Body:
    about = Fact(**{"kind": Kind.AI_DISPATCH, "tenant": DEPLOYMENT, **fact})
    return _body(about, kept=kept, trace_id=trace)


def _body(fact: Fact, **how: Any) -> Body:
    body: Body = record_of(fact, record_id=RECORD, occurred_at=AT, **how)["body"]
    return body


@seen_in("gateway.records.rules._about_itself")
async def of_itself(_: World) -> AsyncIterator[Pair]:
    yield _drawn(), _drawn(kind=Kind.AI_RESULT, actor=Actor.SYSTEM)
    yield _drawn(trace="a" * 32), _drawn(kept=Retention.SIX_MONTHS, trace="b" * 32)
    yield _drawn(kept=Retention.LEGAL_HOLD), _drawn(actor=Actor.SYSTEM)


CARD = {"id": "cv-analysis", "version": "1.0.0", "oversight": "H1", "purpose": "analysis",
        "risk_class": "art50_transparency", "necessity_code": "career_reading",
        "output_schemas": {"computed": {"id": "a.v1"}}}  # fmt: skip
OTHER_CARD = {"id": "skills-gap", "version": "2.0.0", "oversight": "H3", "purpose": "exploration",
              "risk_class": "minimal", "necessity_code": "skills_gap", "system_id": "router-b",
              "system_version": "9.9.9", "output_schemas": {"computed": {"id": "b.v1"}}}  # fmt: skip
NAMED = facts.Installation("http://b", "552081317", "https://a/1", "https://b/2", "https://c/3")


@seen_in(
    "gateway.runs.facts.of_card",
    "gateway.runs.facts.Installation.facts",
    "gateway.runs.facts.deployer",
    "gateway.runs.facts.phase",
    "gateway.runs.facts.of_computed",
)
async def of_who_and_why(_: World) -> AsyncIterator[Pair]:
    unnamed = facts.Installation("http://a")
    yield facts.of_card(CARD, "http://a"), facts.of_card(OTHER_CARD, "http://b")
    yield unnamed.facts(), NAMED.facts()
    yield facts.deployer("tnt_a", None), facts.deployer("tnt_b", "552081317")
    yield facts.phase(0), facts.phase(2)
    nothing = facts.Sources()
    yield (facts.of_computed(CARD, unnamed, nothing),
           facts.of_computed(OTHER_CARD, unnamed, nothing))  # fmt: skip


def _source(key: str, release: str) -> Body:
    return {"source": {"key": key, "release": release, "retrieved_on": "2025-04",
                       "licence": "Licence Ouverte 2.0 (Etalab)"}}  # fmt: skip


@seen_in("gateway.runs.facts.of_document", "gateway.runs.facts.Sources.facts")
async def of_what_went_in(_: World) -> AsyncIterator[Pair]:
    found = {"entity_counts": {"PERSON": 7}, "pseudonymisation": {"profile": "a", "version": "2"},
             "special_categories": [{"category": "health", "action": "removed"}]}  # fmt: skip
    yield (
        facts.of_document({"entity_counts": {}, "special_categories": []}),
        facts.of_document(found),
    )
    one, other = facts.Sources(), facts.Sources()
    one.market({"items": [_source("bmo2025", "r1")]})
    one.text({"pseudonymised": True})
    other.document({"cv"})
    other.text({"pseudonymised": False})
    other.market([_source("dares", "r2")])
    yield one.facts(), other.facts()


STARTED = {"operation": "chat", "parameters": {"temperature": "0.4", "max_output_tokens": 900},
           "prompt": {"id": "a", "version": "1", "digest": "0" * 64}}  # fmt: skip
OTHER_STARTED = {"operation": "embeddings", "parameters": {"temperature": "0.1"},
                 "prompt": {"id": "b", "version": "2", "digest": "f" * 64}}  # fmt: skip
LAST = {"finish_reason": "stop", "model_returned": "m1", "usage": {"input_tokens": 1, "output_tokens": 2},
        "schema_id": "a.v1", "schema_valid": True, "repaired": False, "evidence_coverage": 100,
        "guardrails": []}  # fmt: skip
OTHER_LAST = {"finish_reason": "length", "model_returned": "m2",
              "usage": {"input_tokens": 3, "output_tokens": 4}, "schema_id": "b.v1",
              "schema_valid": False, "repaired": True, "evidence_coverage": 40,
              "guardrails": [{"name": "answer_shape", "version": "v1", "fired": True}]}  # fmt: skip


@seen_in(
    "gateway.runs.facts.of_candidate",
    "gateway.runs.facts.passed_over",
    "gateway.runs.facts.of_start",
    "gateway.runs.facts.of_end",
    "gateway.runs.facts.of_failure",
)
async def of_the_call(_: World) -> AsyncIterator[Pair]:
    yield facts.of_candidate(
        {"model": "m1", "route": "route.local", "training_use": "none", "retention": "none",
         "model_provider": "a", "transfer_mechanism": "none"}
    ), facts.of_candidate(
        {"model": "m2", "route": "route.tiers", "training_use": "unknown", "retention": "30d",
         "model_provider": "b", "transfer_mechanism": "adequacy_dpf"}
    )  # fmt: skip
    yield facts.passed_over([]), facts.passed_over([{"deployment": "far", "reason": "route"}])
    yield facts.of_start(STARTED), facts.of_start(OTHER_STARTED)
    yield facts.of_end(LAST, AT), facts.of_end(OTHER_LAST, LATER)
    yield (facts.of_failure({"code": "unavailable", "retryable": True}, AT),
           facts.of_failure({"code": "refused", "retryable": False}, LATER))  # fmt: skip


def _answer(record: str, source: str = "trainedAlgorithmicMedia", **more: Any) -> Body:
    marking = {"ai": True, "label": "x", "digital_source_type": source, "record": record,
               "recipient": "rcp_a", "model": "m"}  # fmt: skip
    return {"envelope": {"marking": {**marking, **more}}}


def _signed(origin: str, version: int, record: str, *, marked: bool) -> Body:
    mark = {"technique": "json_field", "layer": "json_document", "version": "1", "verified": True}
    block = {"provenance": {"origin": origin, "review": {"by": "x"}}}
    return {"sections": [{"key": "path", "blocks": [block]}], "version": version,
            "files": [{"marks": [mark] if marked else []}], "inputs": [{"record_id": record}],
            "signed_at": f"2026-11-23T10:0{version}:00Z"}  # fmt: skip


@seen_in("gateway.runs.marks.found", "gateway.reports.facts.of_signed")
async def of_marks(_: World) -> AsyncIterator[Pair]:
    answer = _answer(RECORD)
    whole = marks.found(answer, marks.headers(answer["envelope"]), RECORD, layer="response_body")
    yield whole, marks.found({}, {}, RECORD, layer="response_body")
    yield whole, marks.found(_answer(RECORD, "humanEdits", label=""), {}, RECORD, layer="x")
    yield (of_signed(_signed("human", 1, RECORD, marked=False)),
           of_signed(_signed("ai_assisted", 2, OTHER_RECORD, marked=True)))  # fmt: skip


WIDE = {"purpose": "exploration", "data_categories": ["cv", "special.health"],
        "recipients": ["rcp_other"], "jurisdictions": ["DE"], "decision": "granted"}  # fmt: skip
ATTEMPT = Attempt("local", "rcp_local-llm", frozenset({"FR"}), "analysis", frozenset({"cv"}), {})
OTHER_ATTEMPT = Attempt("far", "rcp_other", frozenset({"DE"}), "exploration",
                        frozenset({"cv", "special.health"}), {})  # fmt: skip


@seen_in(
    "gateway.gate.service.Gate._let_out",
    "gateway.gate.service._looked_at",
    "gateway.gate.service.Gate._record_refusal",
    "gateway.gate.service.Gate.close",
    "gateway.gate.refusals.Refusals._write",
)
async def of_the_gate(world: World) -> AsyncIterator[Pair]:
    gate, caller, database = world.state.gate, world.counsellor, world.state.database
    async with database.begin(world.tenant) as session:
        bilan = await world.bilan(session)
        consent = await session.get(Consent, (world.tenant, world.assisted.consent))

    async def change(**values: Any) -> None:
        of_it = update(Consent).where(Consent.id == consent.id)
        async with database.begin(world.tenant) as session:
            await session.execute(of_it.values(**values))

    def claims(details: list[Body]) -> ConsentClaims:
        return ConsentClaims(consent.id, consent.epoch, consent.beneficiary, tuple(details))

    async def let(attempt: Attempt, details: list[Body]) -> Body:
        return await world.said(gate.dispatch(caller, bilan, claims(details), attempt))

    async def closed(attempt: Attempt, details: list[Body], **meanwhile: Any) -> Body:
        out = await gate.dispatch(caller, bilan, claims(details), attempt)
        await change(**meanwhile)
        async with database.begin(world.tenant) as session:
            closing = gate.close(session, caller, claims(details), out, Kind.AI_RESULT, {})
            body = await world.said(closing)
        await change(epoch=consent.epoch, status=consent.status)
        return body

    async def refused(attempt: Attempt, minute: int) -> Body:
        at = replace(gate, now=lambda: utc_now() + timedelta(minutes=minute))
        before = len(world.written)
        with suppress(Problem):
            await at.dispatch(caller, bilan, claims(consent.grants), attempt)
        return world.written[before][1] if len(world.written) > before else {}

    try:
        one = await let(ATTEMPT, consent.grants)
        stale = await closed(ATTEMPT, consent.grants, epoch=consent.epoch + 1)
        nobody, away = replace(ATTEMPT, recipient="rcp_nobody"), frozenset({"US"})
        minute = next(_MINUTES)
        first, _ = await refused(nobody, minute), await refused(nobody, minute)
        counted = await refused(replace(ATTEMPT, recipient="rcp_someone"), minute + 1)
        placed = await refused(replace(ATTEMPT, jurisdictions=away), minute)
        await change(grants=[WIDE])
        with world.patch.context() as later:
            later.setattr("gateway.gate.service.rfc3339", lambda _: rfc3339(LATER))
            other = await let(OTHER_ATTEMPT, [WIDE])
            revoked = await closed(OTHER_ATTEMPT, [WIDE], status="revoked")
            elsewhere = await refused(ATTEMPT, minute)
    finally:
        await change(epoch=consent.epoch, status=consent.status, grants=consent.grants)
    yield one, other
    yield one, placed  # what a refusal cannot say
    yield stale, revoked
    yield first, counted
    yield first, placed
    yield first, elsewhere


_MINUTES = count(10, 3)
"""Minutes that no refusal of these stories fell into: each has one record at most."""


@seen_in(
    "gateway.runs.assisted.Assisted._facts",
    "gateway.runs.assisted.result_facts",
    "gateway.runs.service.Runs._finish",
    "gateway.runs.standing_facts.reviewer_facts",
    "gateway.runs.service.Runs.review",
)
async def of_runs(world: World) -> AsyncIterator[Pair]:
    assisted, answers = world.assisted, world.inside._answer

    def otherwise(path: str, body: bytes) -> Any:
        found = answers(path, body)
        if path.endswith("/pseudonymised"):
            return {**found, "text": f"Un autre texte, {new_id('doc')}."}
        return (
            {**found, "title": "Autre", "version": "2.0.0"} if path.startswith("/use-c") else found
        )

    one = await _run(world)
    with world.patch.context() as changed:
        changed.setattr(world.inside, "_answer", otherwise)
        other = await _run(world)
    for pair in zip(one, other, strict=True):
        yield pair
    computed = await world.said(assisted.run(mode="computed"), "run.computed")
    world.inside.failing = {"local"}
    fallen = await world.said(assisted.run(mode="best"), "run.computed")
    world.inside.failing = set()
    yield computed, fallen
    for pair in await _reviews(world):
        yield pair


async def _run(world: World) -> tuple[Body, Body]:
    before = len(world.written)
    answer = await world.assisted.run()
    assert answer.status_code == 201, answer.text
    told = dict(world.written[before:])
    return told["ai.dispatch"], told["ai.result"]


async def _reviews(world: World) -> list[Pair]:
    """Two decisions on a run: by whom, how, why, and how long after."""
    run = (await world.assisted.run()).json()["id"]
    runs, told = world.state.runs, []
    for decision, reason, later, code in (
        ("accepted", "verified", 60, "ai-act-4"), ("rejected", "not_relevant", 3600, "ai-basics"),
    ):  # fmt: skip
        at = utc_now() + timedelta(seconds=later)
        async with world.undone() as session:
            trained = {"kind": "ai_training", "code": code, "obtained_on": "2026-01-01"}
            session.add(
                Qualification(tenant=world.tenant, id=new_id("qua"), recorded_at=at,
                              counsellor=world.assisted.bilan.counsellor, **trained)
            )  # fmt: skip
            await session.flush()
            verb = replace(runs, now=lambda at=at: at).review
            told.append(
                await world.said(
                    verb(session, world.counsellor, run, decision=decision, reason=reason)
                )
            )
    async with world.undone() as session:
        nobody = await reviewer_facts(session, world.caller(), AT)
        somebody = await reviewer_facts(session, world.counsellor, AT)
        another = await reviewer_facts(session, world.caller(new_id("usr")), AT)
    return [(told[0], told[1]), (nobody, somebody), (somebody, another)]


@seen_in(
    "gateway.reports.facts.of_review",
    "gateway.reports.service.Reports.review",
    "gateway.reports.service.Reports.sign_off",
)
async def of_reports(world: World) -> AsyncIterator[Pair]:
    answers, reports, caller = world.inside._answer, world.state.reports, world.counsellor
    reviewed, signed = [], []
    worlds = ((0.1, "accepted_modified", "reworded", 1), (0.7, "rejected", "not_relevant", 2),
              (0.5, "accepted", "verified", 3))  # fmt: skip
    for ratio, decision, reason, version in worlds:
        report, block = new_id("rep"), f"block-{version}"
        made = {"provenance": {"edits": {"chars_changed_ratio": ratio}}}
        sealed = _signed("human", version, RECORD, marked=True)

        def answer(path: str, body: bytes, made: Body = made, sealed: Body = sealed) -> Any:
            known = {"review": made, "sign-off": sealed}
            return known.get(path.rpartition("/")[2]) or answers(path, body)

        async with world.state.database.begin(world.tenant) as session:
            own = {"tenant": world.tenant, "bilan": world.assisted.bilan.id}
            session.add(Report(id=report, created_at=utc_now(), **own))
        with world.patch.context() as told:
            told.setattr(world.inside, "_answer", answer)
            asked = {"decision": decision, "reason": reason}
            reviewing = reports.review(caller, report, block, asked)
            reviewed.append(await world.said(reviewing, "human.review"))
            names = {"counsellor_name": "x"}
            signing = reports.sign_off(caller, report, names)
            signed.append(await world.said(signing, "ai.marked"))
    yield reviewed[0], reviewed[1]
    yield reviewed[0], reviewed[2]
    yield signed[0], signed[1]


@seen_in(
    "gateway.shares.service._handed_over", "gateway.contestations.service.Contestations._record"
)
async def of_rights(world: World) -> AsyncIterator[Pair]:
    def handed(recipient: str, version: int) -> Body:
        share = Share(
            tenant=world.tenant, id=new_id("shr"), report=new_id("rep"), version=version,
            recipient=recipient,
        )  # fmt: skip
        return _body(_handed_over(world.caller(), share))

    yield handed("cep", 1), handed("third_party", 2)
    told = []
    for method in (Method.PAGE, Method.PAGE_AND_CODE):
        async with world.undone() as session:
            used = Fact(
                Kind.AI_DISPATCH, world.tenant, beneficiary=world.assisted.bilan.beneficiary
            )
            use = await world.state.records.write(session, used)
            row = await record_store.find(session, world.tenant, use)
            told.append(await world.said(world.state.contestations._record(session, row, method)))
    yield told[0], told[1]


@seen_in("gateway.consents.standing.Standing._record", "gateway.consents.standing.Standing._expire",
         "gateway.consents.ending.Ending", "gateway.consents.ending._how")  # fmt: skip
async def of_consents(world: World) -> AsyncIterator[Pair]:
    verbs, by = world.state.consents, world.counsellor
    both = [{**WIDE, "purpose": purpose} for purpose in ("analysis", "exploration")]

    async def ended(act: Callable[..., Awaitable[Any]], **of_the_row: Any) -> Body:
        async with world.undone() as session:
            row = await session.get(Consent, (world.tenant, world.assisted.consent))
            for name, value in {"grants": both, **of_the_row}.items():
                setattr(row, name, value)
            return await world.said(act(session, row))
        raise AssertionError

    def newer(consent: str) -> Consent:
        return Consent(id=consent, status="authorised", method="hosted_page")

    first, second = "cns_01J00000000000000000000000", "cns_01J00000000000000000000001"
    for_them = (None, EndReason.WITHDRAWN_BY_BENEFICIARY, Method.PAGE)
    notice = {"notice_version": "2099-01", "notice_sha256": "f" * 64, "grants": [WIDE]}
    revoked = await ended(lambda s, row: verbs._revoke(s, row, *for_them))
    yield (revoked,
           await ended(lambda s, row: verbs._revoke(s, row, by, EndReason.WITHDRAWN_BY_COUNSELLOR),
                       **notice))  # fmt: skip
    yield (await ended(lambda s, row: verbs._take_back(s, row, ["analysis"], None, Method.PAGE)),
           await ended(lambda s, row: verbs._take_back(s, row, ["exploration"], by, None)))  # fmt: skip
    with_a_code = (None, EndReason.WITHDRAWN_BY_BENEFICIARY, Method.PAGE_AND_CODE)
    yield revoked, await ended(lambda s, row: verbs._revoke(s, row, *with_a_code))
    soon, later = (utc_now() + timedelta(days=days) for days in (1, 2))
    yield (await ended(lambda s, row: verbs.shorten(s, row, soon)),
           await ended(lambda s, row: verbs.shorten(s, row, later, caller=by)))  # fmt: skip
    yield (await ended(lambda s, row: verbs._give_way(s, row, newer(first), ["analysis"])),
           await ended(lambda s, row: verbs._give_way(s, row, newer(second), ["exploration"])))  # fmt: skip
    yield (await ended(verbs._expire, expires_at=AT), await ended(verbs._expire, expires_at=LATER))


@seen_in(
    "gateway.disclosures.service.Disclosures._record",
    "gateway.incidents.service.Incidents.open",
    "gateway.incidents.service.Incidents.close",
)
async def of_telling(world: World) -> AsyncIterator[Pair]:
    said = []
    for row in (
        {"notice": "ia-a", "version": "1", "language": "fr", "audience": "beneficiaire",
         "channel": "oral", "moment": "at_exposure", "accessibility_profile": "falc"},
        {"notice": "ia-b", "version": "2", "language": "en", "audience": "conseiller",
         "channel": "voice", "moment": "late", "accessibility_profile": "standard",
         "acknowledged_at": AT},
    ):  # fmt: skip
        async with world.undone() as session:
            shown = Disclosure(tenant=world.tenant, **row)
            said.append(
                await world.said(world.state.disclosures._record(session, world.caller(), shown))
            )
    yield said[0], said[1]
    incidents, opened, closed = world.state.incidents, [], []
    for incident_class, aware_at, outcome in (
        (IncidentClass.BREACH_33, AT, Outcome.RESOLVED),
        (IncidentClass.LEAK_SPECIAL_CATEGORY, AT + timedelta(hours=1), Outcome.DUPLICATE),
        (IncidentClass.CHAIN_BROKEN, AT, Outcome.NOTIFIED),
    ):
        async with world.undone() as session:
            opening = Opening(incident_class, aware_at=aware_at)
            found: list[Any] = []

            async def open_one(opening: Opening = opening, found: list[Any] = found) -> None:
                found.append(await incidents.open(session, world.tenant, opening))

            opened.append(await world.said(open_one()))
            by, incident = world.caller(), found[0].id
            closed.append(await world.said(incidents.close(session, by, incident, outcome, None)))
    yield opened[0], opened[1]
    yield closed[0], closed[1]


@seen_in(
    "gateway.records.api._access",
    "gateway.gate.admissions.Admissions._record_reading",
    "gateway.exports.service.Exports.of",
)
async def of_reading(world: World) -> AsyncIterator[Pair]:
    yield (_body(_access(world.caller(), "list", returned=7)),
           _body(_access(world.caller(), "receipt", returned=2)))  # fmt: skip
    admissions, told = world.state.services.admit.__self__, []
    for operation, ground in (("restore", Ground.WORK), ("read_outline", Ground.KEPT)):
        async with world.undone() as session:
            bilan = await world.bilan(session)
            about = replace(About.bilan_of(world.counsellor, bilan), ground=ground)
            told.append(
                await world.said(admissions._record_reading(session, about, bilan, operation))
            )
    yield told[0], told[1]
    person, exports = world.assisted.bilan.beneficiary, world.state.exports
    copies = [
        await world.said(exports.of(world.tenant, person, kind), "log.accessed")
        for kind in (ExportKind.ACCESS, ExportKind.PORTABLE)
    ]
    yield copies[0], copies[1]


@seen_in(
    "gateway.configuration.service.Configuration._record",
    "gateway.holds.service.Holds._record",
    "gateway.operators.keys.SigningKeys._written",
    "gateway.operators.log._change",
    "gateway.log.service.Sequencer._begin_next",
    "gateway.log.service.Sequencer._insert",
)
async def of_the_installation(world: World) -> AsyncIterator[Pair]:
    state, part = world.state, new_id("rec")
    configuration = Configuration(state.database, state.services, state.records)

    async def seen(name: str, *found: Component) -> Body:
        return await world.said(configuration._record(Seen(name, found)))

    first = await seen(part, Component(part, "1.0", "a" * 64))
    second = await seen(part, Component(part, "2.0", "b" * 64))
    third = await seen(part, Component(part, "3.0", "c" * 64))
    other = await seen(f"{part}x", Component(f"{part}x", "1.0", "a" * 64))
    yield second, third
    yield first, other
    holds = []
    for reason, days in ((HoldReason.LITIGATION, 30), (HoldReason.INCIDENT, 60)):
        async with world.undone() as session:
            until = utc_now() + timedelta(days=days)
            placing = state.holds.place(session, world.tenant, reason, until)
            holds.append(await world.said(placing))
            (hold, *_) = await state.holds.of_tenant(session, world.tenant)
            lifted = await world.said(state.holds.lift(session, world.tenant, hold.id))
    yield holds[0], holds[1]
    yield holds[1], lifted
    yield holds[0], first
    keys = state.signing_keys
    yield (await world.said(keys._written([Change(Use.PASS, "activated", "a", "b")], "scheduled")),
           await world.said(keys._written([Change(Use.ACCESS, "deleted", "c", None)], "emergency")))  # fmt: skip
    yield _change("activated", "a", "b"), _change("deleted", "c", None)
    begun = []
    for why in (NewOrigin.DAMAGED, NewOrigin.OTHER):
        begun.append(await world.said(state.sequencer.begin_anew(why), "log.genesis"))
        async with state.database.begin(DEPLOYMENT) as session:
            await state.records.write(session, Fact(Kind.SYSTEM_CONFIG, DEPLOYMENT))
        await state.sequencer.step()
    yield begun[0], begun[1]


@seen_in(
    "gateway.destruction.steps.Steps._content_of_bilan", "gateway.destruction.steps.Steps._records"
)
async def of_ends(world: World) -> AsyncIterator[Pair]:
    steps, bilan = world.state.carrying.steps, world.assisted.bilan
    ended, erased = [], []
    for reason, agreements, documents in (("retention_ended", [], 1), ("law", [["a", "b"]], 2)):
        async with world.undone() as session:
            row = Destruction(
                tenant=world.tenant, id=new_id("des"), kind="closing", subject=bilan.id,
                person=bilan.beneficiary, reason=reason, state="under_way", requested_at=AT,
                targets={"agreements": agreements, "bilans": [bilan.id]},
            )  # fmt: skip
            session.add(row)
            await session.flush()
            counts = {"documents": documents}
            session.add(
                DestructionStep(tenant=world.tenant, destruction=row.id, position=1, attempts=1,
                                name="anonymizer", counts=counts, acknowledged_at=AT)
            )  # fmt: skip
            await session.flush()
            if documents == 1:
                await steps._content_of_bilan(session, row)
            ended.append(await world.said(steps._content_of_bilan(session, row)))
            row.subject = bilan.beneficiary
            if documents == 1:
                more = Fact(Kind.HUMAN_REVIEW, world.tenant, beneficiary=bilan.beneficiary)
                await world.state.records.write(session, more)
            erased.append(await world.said(steps._records(session, row)))
    yield ended[0], ended[1]
    yield erased[0], erased[1]
