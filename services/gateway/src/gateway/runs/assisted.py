"""The assisted mode: plan, gate, attempt, close (`architecture`, section 3, steps 5 to 9)."""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.consents.rules import is_special
from gateway.consents.service import ConsentClaims
from gateway.gate.flight import InFlight
from gateway.gate.service import NEXT_CANDIDATE, Attempt, Dispatched, Gate
from gateway.lines import lines
from gateway.problems import InputNeeded, ModelFailed, NoRoute, RestorationFailed
from gateway.records.rules import Kind
from gateway.records.service import Records
from gateway.runs.facts import (
    Installation,
    of_candidate,
    of_card,
    of_document,
    of_end,
    of_failure,
    of_start,
    passed_over,
)
from gateway.runs.inputs import Inputs
from gateway.runs.materials import materials
from gateway.runs.recipes import RECIPES
from gateway.runs.restoring import StreamedRestoration
from gateway.runs.rules import Finished, Made, Marking, RunMode
from gateway.runs.standing_facts import standing_facts
from gateway.runs.telling import Telling
from gateway.services import LLM_ROUTER, Services
from gateway.tables import Bilan
from gateway.tenants.service import Caller
from keel.clock import utc_now
from keel.database import Database
from keel.problems import Problem
from keel.settling import settled
from keel.strict_json import canonical

_DRAFT = "synthesis-draft"
_TRANSFER_CODES = frozenset(str(r) for r in NEXT_CANDIDATE)


@dataclass(slots=True)
class Call:
    """One assisted run: who asks, for whom, with what consent, for which use case.

    `open` is the dispatch that no record closes yet. Whoever ends a run looks there, so that each
    dispatch gets exactly one closing record, whatever went wrong and wherever.
    """

    caller: Caller
    bilan: Bilan
    claims: ConsentClaims
    card: Mapping[str, Any]
    inputs: Inputs
    telling: Telling | None
    """Who is told restored deltas while the model speaks; None when nobody listens."""
    open: Dispatched | None = None

    def aloft(self, in_flight: InFlight) -> AbstractContextManager[None]:
        """Let the present task be cancelled, and its caller hushed, when the consent falls."""
        hush = () if self.telling is None else (self.telling.hush,)
        claims = self.claims
        return in_flight.on(self.caller.tenant, claims.consent, claims.epoch, *hush)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one attempt came to: the dispatch that it closes, and the router's last line."""

    dispatched: Dispatched
    candidate: Mapping[str, Any]
    started: Mapping[str, Any]
    last: Mapping[str, Any]
    ended_at: datetime | None = None
    """When the last line came; None where none did."""


@dataclass(frozen=True, slots=True)
class Assisted:
    """The verbs of an assisted run."""

    database: Database
    services: Services
    gate: Gate
    records: Records
    in_flight: InFlight
    deadline_ms: int
    installation: Installation
    now: Callable[[], datetime] = utc_now

    async def perform(self, call: Call) -> tuple[Finished, Answer]:
        """Make the attempts that plan and gate permit, until one gives a usable answer.

        Raises:
            Problem: refused, no route, cancelled, or all attempts failed; each dispatch was closed.
        """
        computed = await RECIPES[call.card["id"]](call.inputs)
        await self._note_earlier(call)
        inputs, categories = await self._model_inputs(call, computed)
        facts = await self._facts(call, inputs)
        await self.gate.precheck(
            call.caller, call.bilan, call.claims, call.card["purpose"], categories, facts
        )
        plan = await self._plan(call, categories, inputs)
        answer = await self._attempts(call, plan, categories, facts, inputs)
        return self._finished(call, computed, answer), answer

    async def _note_earlier(self, call: Call) -> None:
        """Note what the runs that a draft rests on were made from, as their records say."""
        if call.card["id"] != _DRAFT:
            return
        async with self.database.begin(call.caller.tenant) as session:
            for run in call.inputs.earlier:
                record = await self.records.said_of_call(session, call.caller.tenant, run["record"])
                call.inputs.sources.earlier(record)

    async def _model_inputs(
        self, call: Call, computed: Made
    ) -> tuple[dict[str, Any], frozenset[str]]:
        """Return what the prompt is rendered from, and the data categories that it holds."""
        if call.card["id"] == _DRAFT:
            said = materials(call.inputs.earlier)
            if not said:
                raise InputNeeded("Give `runs`: accepted runs that the draft may rest on.")
            # Which run a line comes from is our business: the model gets what was said, no id.
            told = [{"key": line["key"], "text": line["text"]} for line in said]
            rests_on = frozenset(filter(is_special, call.inputs.sources.data_categories))
            return {"materials": told}, rests_on | frozenset(call.card["data_categories"])
        document = await call.inputs.document()
        inputs: dict[str, Any] = {"cv": await call.inputs.text()}
        if call.card["id"] == "occupation-exploration":
            if not computed.result["leads"]:
                raise InputNeeded(
                    "The document leads to no occupation that a model could comment on: give one "
                    "with experiences or skills, or run in mode `computed`."
                )
            inputs["candidates"] = [
                {"code": lead["code"], "label": lead["label"], "reasons": lead["reasons"]}
                for lead in computed.result["leads"]
            ]
            inputs["sort_criterion"] = computed.result["sort_criterion"]
        found = frozenset(document["data_categories"])
        return inputs, found | frozenset(call.card["data_categories"])

    async def _facts(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the pre-call record states: observed, or absent."""
        url, tenant = self.installation.public_url, call.caller.tenant
        facts = {**of_card(call.card, url), **self.installation.facts()}
        if call.inputs.request.document is not None:
            facts |= of_document(await call.inputs.document())
        async with self.database.begin(tenant) as session:
            facts["input_digest"] = await self.records.digest(
                session, tenant, call.bilan.beneficiary, canonical(dict(inputs))
            )
            facts |= await standing_facts(session, tenant, call.bilan.id)
        facts |= call.inputs.sources.facts()
        return facts

    async def _plan(
        self, call: Call, categories: frozenset[str], inputs: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        allowed = {
            recipient
            for detail in call.claims.details
            if detail.get("purpose") == call.card["purpose"]
            for recipient in detail["recipients"]
        }
        plan: Mapping[str, Any] = await self.services.json(
            LLM_ROUTER,
            "plan",
            "POST",
            "/plans",
            call.inputs.about,
            json={
                "use_case": call.card["id"],
                "data_categories": sorted(categories),
                "input_characters": len(canonical(dict(inputs))),
                "allowed_recipients": sorted(allowed),
            },
        )
        if not plan["candidates"]:
            reasons = {r["deployment"]: r["reason"] for r in plan["rejected"]}
            raise NoRoute(
                "No deployment may serve this call; `rejected` says why. Configure a model, widen "
                "the consent, or run in mode `computed`.",
                members={"rejected": reasons},
            )
        return plan

    async def _attempts(
        self,
        call: Call,
        plan: Mapping[str, Any],
        categories: frozenset[str],
        facts: Mapping[str, Any],
        inputs: Mapping[str, Any],
    ) -> Answer:
        """Try the candidates in order; each attempt passes the gate again."""
        rejected = passed_over(plan["rejected"])
        failure: Problem = NoRoute("No candidate was left.")
        for candidate in plan["candidates"]:
            attempt = Attempt(
                deployment=candidate["deployment"],
                recipient=candidate["recipient"],
                jurisdictions=frozenset(candidate["jurisdictions"]),
                purpose=call.card["purpose"],
                data_categories=categories,
                facts={**facts, **of_candidate(candidate), **rejected},
            )
            try:
                # Before the gate: a withdrawal that commits just after it must find the call.
                with call.aloft(self.in_flight):
                    await self._dispatch(call, attempt)
                    answer = await self._attempt(call, candidate, inputs)
            except Problem as refusal:
                if refusal.code not in _TRANSFER_CODES:
                    raise
                failure = refusal
                continue
            if answer.last["type"] == "completed":
                return answer
            failed = {**of_start(answer.started), **of_failure(answer.last, answer.ended_at)}
            await self.close(call, Kind.AI_ERROR, failed)
            failure = ModelFailed(
                "Try again later, or run in mode `computed`.",
                members={"reason": answer.last["code"]},
            )
            if not answer.last["retryable"]:
                break
        raise failure

    async def _dispatch(self, call: Call, attempt: Attempt) -> None:
        """Pass the gate. A cancellation waits for its commit, so that what is open is known."""

        async def passing() -> None:
            call.open = await self.gate.dispatch(call.caller, call.bilan, call.claims, attempt)

        await settled(passing())

    async def _attempt(
        self, call: Call, candidate: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> Answer:
        dispatched, ended_at = _opened(call), None
        try:
            started, last = await self._listen(call, candidate, dispatched, inputs)
            ended_at = self.now()
        except RestorationFailed:
            raise  # ours, not the model's: another model would get the text for nothing
        except Problem as failure:
            started, last = {}, {"type": "failed", "code": failure.code, "retryable": True}
        except ValueError:  # a line that is no JSON
            started, last = {}, {"type": "failed", "code": "broken_transport", "retryable": True}
        return Answer(dispatched, candidate, started, last, ended_at)

    async def _listen(
        self,
        call: Call,
        candidate: Mapping[str, Any],
        dispatched: Dispatched,
        inputs: Mapping[str, Any],
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Read the router's stream to its last line, restoring deltas for whoever listens."""
        body = {
            "deployment": candidate["deployment"],
            "use_case": call.card["id"],
            "inputs": dict(inputs),
            "deadline_ms": self.deadline_ms,
        }
        started: Mapping[str, Any] = {}
        restoration = self._restoration(call)
        try:
            async with self.services.stream(
                LLM_ROUTER,
                "POST",
                "/attempts",
                {"Authorization": f"Bearer {dispatched.token}"},
                json=body,
                timeout=self.deadline_ms / 1000 + 10,
            ) as response:
                async for line in lines(response):
                    event = json.loads(line)
                    if event["type"] == "started":
                        started = event
                    elif event["type"] == "delta" and restoration is not None:
                        await restoration.feed(event["text"])
                    elif event["type"] == "restart" and call.telling is not None:
                        if restoration is not None:
                            await restoration.abandon()
                        await call.telling.tell("restart", {})
                        restoration = self._restoration(call)
                    elif event["type"] in {"completed", "failed"}:
                        if restoration is not None and event["type"] == "completed":
                            await restoration.finish()
                        return started, event
        finally:
            if restoration is not None:
                await restoration.abandon()
        return started, {"type": "failed", "code": "broken_transport", "retryable": True}

    def _restoration(self, call: Call) -> StreamedRestoration | None:
        if call.telling is None:
            return None
        return StreamedRestoration(
            self.services,
            call.inputs.about,
            call.telling,
            deadline_seconds=self.deadline_ms / 1000 + 10,
        )

    async def close(self, call: Call, kind: Kind, body: Mapping[str, Any]) -> None:
        """Write the record that ends the open dispatch; nothing when none is open."""
        if call.open is None:
            return
        async with self.database.begin(call.caller.tenant) as session:
            await self.gate.close(session, call.caller, call.claims, call.open, kind, body)
        call.open = None

    def _finished(self, call: Call, computed: Made, answer: Answer) -> Finished:
        last, candidate = answer.last, answer.candidate
        made = merge(call.card["id"], computed, _sourced(last["output"], call.inputs))
        marking = Marking(
            record=answer.dispatched.record,
            recipient=candidate["recipient"],
            provider=candidate["legal_name"],
            model=last["model_returned"],
        )
        return Finished(RunMode.ASSISTED, made, marking, last["evidence_coverage"])


def _opened(call: Call) -> Dispatched:
    if call.open is None:  # pragma: no cover - the gate returns or raises
        raise RuntimeError("no dispatch is open")
    return call.open


def result_facts(answer: Answer, output_digest: str) -> dict[str, Any]:
    """Return what the closing record states, from the router's own lines."""
    return {
        **of_start(answer.started),
        **of_end(answer.last, answer.ended_at),
        "output_digest": output_digest,
        "automated_decision": False,
    }


def _source(proof: Mapping[str, Any], inputs: Inputs) -> str | None:
    if proof.get("source") == "materials":
        index = int(str(proof["pointer"]).split("/")[1])
        return materials(inputs.earlier)[index]["source"]
    return inputs.request.document


def _sourced(output: Any, inputs: Inputs) -> Any:  # noqa: ANN401 - any JSON value
    """Name the document behind each proof; the router knows inputs only by their place."""
    if isinstance(output, dict):
        named = {key: _sourced(value, inputs) for key, value in output.items()}
        if "quote" in named:
            named["source"] = _source(named, inputs)
        return named
    if isinstance(output, list):
        return [_sourced(value, inputs) for value in output]
    return output


def merge(use_case: str, computed: Made, output: Mapping[str, Any]) -> Made:
    """Join what was computed and what the model worded; the computed facts stay."""
    added = dict(output)
    questions: Sequence[str] = added.pop("open_questions", [])
    if use_case == "occupation-exploration":
        known = {lead["code"]: lead for lead in computed.result["leads"]}
        added["leads"] = [{**known.get(lead["code"], {}), **lead} for lead in added["leads"]]
    return Made(
        {**computed.result, **added},
        open_questions=[*computed.open_questions, *questions],
        limits=computed.limits,
    )
