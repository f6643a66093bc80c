"""The verbs of runs: start, read, review."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.bilans.service import Bilans
from gateway.consents.service import ConsentClaims, Consents
from gateway.edge.carrying_out import carried_out
from gateway.events.service import Events
from gateway.gate.service import Gate
from gateway.heartbeat import beating
from gateway.problems import (
    ConsentTokenMissing,
    ModeNotAvailable,
    ProcessingRestricted,
    RunCancelled,
    RunNotReviewable,
    RunNotValidated,
)
from gateway.quotas.rules import QuotaKind
from gateway.quotas.service import Quotas
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.runs import marks, store
from gateway.runs.assisted import Answer, Assisted, Call, result_facts
from gateway.runs.endings import tell
from gateway.runs.facts import of_card, of_computed
from gateway.runs.inputs import Inputs
from gateway.runs.recipes import RECIPES
from gateway.runs.rules import Finished, Request, RunMode, RunStatus, envelope
from gateway.runs.standing_facts import reviewer_facts, standing_facts
from gateway.runs.telling import Telling
from gateway.services import ANONYMIZER, LLM_ROUTER, About, Services
from gateway.tables import Bilan, Document, Run
from gateway.tenants.service import Caller
from keel.clock import rfc3339, utc_now
from keel.database import Database
from keel.identifiers import new_id
from keel.problems import NotFound, Problem
from keel.sealing import ContentKeys, seal, unseal
from keel.settling import settled
from keel.strict_json import canonical
from keel.telemetry import current_trace_id

_FALLBACKS = frozenset(
    {
        "consent_token_missing",
        "consent_revoked",
        "consent_expired",
        "consent_stale",
        "consent_not_authorised",
        "purpose_not_covered",
        "category_not_covered",
        "recipient_not_covered",
        "jurisdiction_not_covered",
        "no_route",
        "model_failed",
        "quota_exceeded",
        "mode_not_available",
    }
)
"""Refusals after which `best` falls back to `computed`; anything else stays a refusal."""
_OF_THE_TOKEN = frozenset(
    {"consent_token_missing", "consent_token_invalid", "consent_token_expired", "consent_binding"}
)
_ELSEWHERE = frozenset(
    {"processing_restricted", "mode_not_available", "no_route", "quota_exceeded"}
)
"""Refusals of a model's call that are known before the gate's transaction, or beside it: of the
token, before anything is looked at; of the rest, on the way."""


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as its caller may see it: the result has the person's own words again."""

    run: Run
    envelope: Mapping[str, Any] | None
    consent: tuple[str, int] | None = None
    """The consent, at its epoch, that an assisted answer rests on."""


@dataclass(frozen=True, slots=True)
class Runs:
    """The verbs of runs."""

    database: Database
    services: Services
    bilans: Bilans
    consents: Consents
    gate: Gate
    records: Records
    content: ContentKeys
    assisted: Assisted
    events: Events
    quotas: Quotas
    now: Callable[[], datetime] = utc_now

    async def start(
        self, caller: Caller, request: Request, consent_token: str | None, telling: Telling | None
    ) -> RunView:
        """Run a use case to its end and return it.

        Raises:
            Problem: refused, cancelled or failed; the run keeps the code.
        """
        try:
            claims = self._claims(caller, request, consent_token)  # before anything else is said
        except Problem as refusal:
            if refusal.code in _OF_THE_TOKEN:
                await self._write_refusal(caller, request, None, refusal)
            raise
        card = await self._card(caller, request.use_case)
        if str(request.mode) not in {*card["modes"], str(RunMode.BEST)}:
            unassisted = ModeNotAvailable(
                "This use case has the modes listed on its card.",
                members={"modes": card["modes"], "without_ai": card["without_ai"]},
            )
            await self._write_refusal(caller, request, claims, unassisted, card)
            raise unassisted
        try:
            bilan, run, inputs = await self._open(caller, request)
        except ProcessingRestricted as refusal:
            await self._write_refusal(caller, request, claims, refusal, card)
            raise
        call = None if claims is None else Call(caller, bilan, claims, card, inputs, telling)
        work = self._alive(run, partial(self._work, caller, run, inputs, card, call))
        # A task of its own, so that a withdrawal can cancel the work without killing the request.
        task = asyncio.create_task(work)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            raise

    def _claims(
        self, caller: Caller, request: Request, consent_token: str | None
    ) -> ConsentClaims | None:
        if request.mode is RunMode.COMPUTED:
            return None
        if consent_token is None:
            if request.mode is RunMode.BEST:
                return None
            raise ConsentTokenMissing(
                "Send `Consent-Token` (POST /v1/consents/{id}/token), or run in mode `computed`."
            )
        return self.consents.read_token(consent_token, caller)

    async def _write_refusal(
        self,
        caller: Caller,
        request: Request,
        claims: ConsentClaims | None,
        refusal: Problem,
        card: Mapping[str, Any] | None = None,
    ) -> None:
        """Write down that a call of a model was refused elsewhere than at the gate (I-6)."""
        if request.mode is RunMode.COMPUTED:
            return
        said: dict[str, Any] = {"use_case_id": request.use_case}
        if card is not None:
            installation = self.assisted.installation
            said = {**of_card(card, installation.public_url), **installation.facts()}
            said["purpose_code"] = card["purpose"]
        consent = None if claims is None else claims.consent
        await self.gate.refusals.before_the_gate(caller, request.bilan, consent, refusal.code, said)

    async def _card(self, caller: Caller, use_case: str) -> dict[str, Any]:
        card: dict[str, Any] = await self.services.json(
            LLM_ROUTER,
            "read_use_case",
            "GET",
            f"/use-cases/{use_case}",
            About.tenant_of(caller),
        )
        return card

    async def _open(self, caller: Caller, request: Request) -> tuple[Bilan, Run, Inputs]:
        """Check in one transaction that the bilan is open and the inputs are its own."""
        async with self.database.begin(caller.tenant) as session:
            bilan = await self.bilans.hold_open(session, caller, request.bilan)
            if request.document is not None:
                document = await session.get(Document, (caller.tenant, request.document))
                if document is None or document.bilan != bilan.id:
                    raise NotFound("There is no such document in this bilan.")
            earlier = await self.validated(session, caller.tenant, bilan.id, request.runs)
            run = Run(
                tenant=caller.tenant,
                id=new_id("run"),
                bilan=bilan.id,
                beneficiary=bilan.beneficiary,
                use_case=request.use_case,
                mode=str(request.mode),
                status=str(RunStatus.RUNNING),
                timings_ms={},
                created_at=(at := self.now()),
                alive_at=at,
            )
            await store.add(session, run)
        about = About.bilan_of(caller, bilan).with_its_record()
        return bilan, run, Inputs(self.services, about, request, earlier)

    async def validated(
        self, session: AsyncSession, tenant: str, bilan: str, run_ids: Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return the envelopes of runs that the counsellor accepted, with `run` and `review`.

        Raises:
            NotFound: a run is not one of this bilan.
            RunNotValidated: a run has not been accepted.
        """
        found = []
        for run_id in run_ids:
            run = await store.find(session, tenant, run_id)
            if run is None or run.bilan != bilan:
                raise NotFound("There is no such run in this bilan.")
            if run.review is None or run.review["decision"] == "rejected":
                raise RunNotValidated(
                    "Review the run first: POST /v1/runs/{id}/review.", members={"run": run_id}
                )
            opened = await self._unsealed(session, run)
            found.append({**opened, "run": run.id, "review": run.review, "ended_at": run.ended_at})
            found[-1]["record"] = run.record
        return found

    async def _alive(self, run: Run, work: Callable[[], Awaitable[RunView]]) -> RunView:
        """Do the work of a run, saying meanwhile that somebody is at it (`runs.recovery`)."""

        async def beat() -> None:
            async with self.database.begin(run.tenant) as session:
                await store.say_alive(session, run.tenant, run.id, self.now())

        async with beating(beat):
            return await work()

    async def _work(
        self,
        caller: Caller,
        run: Run,
        inputs: Inputs,
        card: Mapping[str, Any],
        call: Call | None,
    ) -> RunView:
        started = time.perf_counter()
        try:
            finished, answer = await self._perform(inputs, card, call)
            made = envelope(finished, card, current_trace_id())
            timings = {"made": round((time.perf_counter() - started) * 1000)}
            finish = partial(self._finish, caller, run, made, timings, call, answer)
            facts = of_computed(card, self.assisted.installation, inputs.sources)
            ended = await settled(finish(facts))
            view = await self._delivered(ended, inputs.about, made, call)
        except Problem as problem:
            await settled(self._end(run, call, problem))
            raise
        except asyncio.CancelledError:
            stopped = RunCancelled("The run was stopped; nothing was kept.")
            await settled(self._end(run, call, stopped))
            raise stopped from None
        except Exception:
            await settled(self._end(run, call, Problem()))
            raise
        return view

    async def _delivered(
        self, run: Run, about: About, made: Mapping[str, Any], call: Call | None
    ) -> RunView:
        """Give the result back in the person's own words; assisted, only while the consent stands.

        Raises:
            RunCancelled: it fell since the result was stored: an answer is not handed over then.
        """
        if call is None or run.mode != RunMode.ASSISTED:
            return RunView(run, await self._restored(about, made))
        rests_on = (call.claims.consent, call.claims.epoch)
        with call.aloft(self.assisted.in_flight):
            restored = await self._restored(about, made)
            async with self.database.begin(run.tenant) as session:
                if not await self.gate.stands(session, run.tenant, *rests_on):
                    raise RunCancelled("The consent was withdrawn before the answer was delivered.")
        return RunView(run, restored, rests_on)

    async def _perform(
        self, inputs: Inputs, card: Mapping[str, Any], call: Call | None
    ) -> tuple[Finished, Answer | None]:
        mode = inputs.request.mode
        if mode is RunMode.COMPUTED:
            return Finished(RunMode.COMPUTED, await RECIPES[card["id"]](inputs)), None
        try:
            if RunMode.ASSISTED not in card["modes"]:
                raise ModeNotAvailable
            if call is None:
                raise ConsentTokenMissing
            return await self._counted(call)
        except Problem as refusal:
            if refusal.code in _ELSEWHERE and call is not None:
                asked = (inputs.about.caller, inputs.request)
                await self._write_refusal(*asked, call.claims, refusal, card)
            if mode is RunMode.ASSISTED or refusal.code not in _FALLBACKS:
                raise
            computed = Finished(RunMode.COMPUTED, await RECIPES[card["id"]](inputs))
            return replace(computed, fallback_reason=refusal.code), None

    async def _counted(self, call: Call) -> tuple[Finished, Answer]:
        """Perform an assisted run that the contract still allows; a refused one is not counted."""
        async with self.quotas.one(call.caller.tenant, QuotaKind.ASSISTED_RUNS):
            return await self.assisted.perform(call)

    async def _finish(
        self,
        caller: Caller,
        run: Run,
        made: dict[str, Any],
        timings: dict[str, int],
        call: Call | None,
        answer: Answer | None,
        computed: Mapping[str, Any],
    ) -> Run:
        """Write the closing record and the sealed result in one transaction.

        Raises:
            RunCancelled: the consent ended meanwhile, or the run was given up as lost; the output
                is discarded, not stored.
        """
        plaintext = canonical(made)
        async with self.database.begin(run.tenant) as session:
            # First, and locked: recovery closes the dispatches of no run that runs.
            row = await self._row(session, run)
            if row.status != RunStatus.RUNNING:
                raise RunCancelled("The run was given up as lost; nothing was kept. Run it again.")
            digest = await self.records.digest(session, run.tenant, run.beneficiary, plaintext)
            if answer is None or call is None:
                observed = {"output_digest": digest, "fallback_reason": made["fallback_reason"]}
                said = {**computed, **observed}
                record, stands = await self._record_computed(session, caller, run, said), True
            else:
                record = answer.dispatched.record
                stands = await self.gate.close(
                    session,
                    caller,
                    call.claims,
                    answer.dispatched,
                    Kind.AI_RESULT,
                    result_facts(answer, digest),
                )
            if stands:
                await self._store(session, row, made, plaintext, record, timings)
                await carried_out(session)
        if call is not None:
            call.open = None
        if not stands:
            raise RunCancelled("The consent was withdrawn while the model worked; nothing is kept.")
        return row

    async def _record_computed(
        self, session: AsyncSession, caller: Caller, run: Run, said: Mapping[str, Any]
    ) -> str:
        fact = Fact(
            Kind.RUN_COMPUTED,
            run.tenant,
            {**said, **await standing_facts(session, run.tenant, run.bilan)},
            beneficiary=run.beneficiary,
            bilan=run.bilan,
            client=caller.client,
            counsellor=caller.counsellor,
        )
        return await self.records.write(session, fact)

    async def _store(
        self,
        session: AsyncSession,
        row: Run,
        made: Mapping[str, Any],
        plaintext: bytes,
        record: str,
        timings: dict[str, int],
    ) -> None:
        key = await self.content.obtain(session, row.tenant, row.bilan)
        row.envelope = seal(key, plaintext, f"{row.tenant}|{row.id}")
        row.status, row.mode = str(RunStatus.SUCCEEDED), str(made["mode"])
        row.record, row.timings_ms, row.ended_at = record, timings, self.now()
        await tell(self.events, session, row)

    async def _row(self, session: AsyncSession, run: Run) -> Run:
        row = await store.find(session, run.tenant, run.id, locked=True)
        if row is None:  # pragma: no cover - a run is never deleted while it runs
            raise NotFound
        return row

    async def _end(self, run: Run, call: Call | None, problem: Problem) -> None:
        """Close what is open and say how the run ended, unless it had succeeded meanwhile."""
        forbidden, cancelled = 403, problem.code == RunCancelled.code
        if call is not None:
            kind = Kind.AI_CANCELLED if cancelled else Kind.AI_ERROR
            await self.assisted.close(call, kind, {"reason": problem.code})
        status = RunStatus.REFUSED if problem.status == forbidden else RunStatus.FAILED
        async with self.database.begin(run.tenant) as session:
            row = await self._row(session, run)
            if row.status == RunStatus.RUNNING:
                row.status = str(RunStatus.CANCELLED if cancelled else status)
                row.problem, row.ended_at = {"code": problem.code}, self.now()
                await tell(self.events, session, row)

    async def _unsealed(self, session: AsyncSession, run: Run) -> dict[str, Any]:
        key = await self.content.find(session, run.tenant, run.bilan)
        if key is None or run.envelope is None:
            raise NotFound("The run has no result, or its bilan is closed.")
        opened: dict[str, Any] = json.loads(unseal(key, run.envelope, f"{run.tenant}|{run.id}"))
        return opened

    async def _restored(self, about: About, made: Mapping[str, Any]) -> dict[str, Any]:
        """Give the person's own words back, for the caller who may see them."""
        answer = await self.services.json(
            ANONYMIZER,
            "restore",
            "POST",
            "/restorations",
            about,
            json={"value": {k: made[k] for k in ("result", "open_questions", "limits")}},
        )
        return {**made, **answer["value"], "unknown_surrogates": answer["unknown"]}

    async def read(self, caller: Caller, run_id: str) -> RunView:
        """Return a run of a bilan that the caller may work on, restored."""
        async with self.database.begin(caller.tenant) as session:
            run = await store.find(session, caller.tenant, run_id)
            if run is None:
                raise NotFound
            bilan = await self.bilans.open_for(session, caller, run.bilan)
            made = None if run.envelope is None else await self._unsealed(session, run)
        if made is None:
            return RunView(run, None)
        return RunView(run, await self._restored(About.bilan_of(caller, bilan), made))

    async def leaves(
        self,
        caller: Caller,
        view: RunView,
        answer: Mapping[str, Any],
        head: Mapping[str, str],
        *,
        layer: str,
    ) -> None:
        """Write down, once for each output, that it leaves and which marks it bears (`ai.marked`).

        Nothing of a run that no model worked on. The answer must not leave when this raises.

        Raises:
            LogUnavailable: it cannot be written down.
        """
        run = view.run
        if run.record is None or run.mode != RunMode.ASSISTED or view.envelope is None:
            return
        found = marks.found(answer, head, run.record, layer=layer)
        async with self.database.begin(run.tenant) as session:
            await self.gate.write_mark(session, caller, run.record, found)

    async def review(
        self, session: AsyncSession, caller: Caller, run_id: str, *, decision: str, reason: str
    ) -> Run:
        """Record what a named human thinks of a result (LR-K01, LR-K03).

        Raises:
            RunNotReviewable: the run has no result.
        """
        run = await store.find(session, caller.tenant, run_id, locked=True)
        if run is None:
            raise NotFound
        await self.bilans.open_for(session, caller, run.bilan)
        if run.status != RunStatus.SUCCEEDED:
            raise RunNotReviewable("Only a run that succeeded can be reviewed.")
        at = self.now()
        run.review = {
            "decision": decision,
            "reason": reason,
            "reviewer": caller.counsellor,
            "at": rfc3339(at),
        }
        fact = Fact(
            Kind.HUMAN_REVIEW,
            run.tenant,
            {
                **await self.records.said_of_use(session, run.tenant, run.record),
                **await reviewer_facts(session, caller, at),
                "review_decision": decision,
                "review_reason": reason,
                "review_duration_s": _seconds(run.ended_at, at),
            },
            beneficiary=run.beneficiary,
            bilan=run.bilan,
            client=caller.client,
            counsellor=caller.counsellor,
            prev=run.record,
        )
        await self.records.write(session, fact)
        await session.flush()
        return run


def _seconds(since: datetime | None, at: datetime) -> int | None:
    """Return how long a result lay there before somebody decided about it, in whole seconds."""
    return None if since is None else max(0, int((at - since).total_seconds()))
