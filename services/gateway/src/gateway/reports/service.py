"""The verbs of reports: compose from validated runs, restore for reading, sign."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from gateway.bilans.service import Bilans
from gateway.edge.carrying_out import carried_out
from gateway.edge.editing import changed_meanwhile
from gateway.events.service import EventKind, Events
from gateway.records.rules import Fact, Kind
from gateway.records.service import Records
from gateway.reports.facts import of_review, of_signed
from gateway.retention.keeping import require_kept
from gateway.retention.rules import RetentionScope
from gateway.runs.service import Runs
from gateway.runs.standing_facts import reviewer_facts, standing_facts
from gateway.services import ANONYMIZER, REPORTS, About, Services
from gateway.tables import Bilan, Report
from gateway.tenants.service import Caller
from keel.calls import Relayed
from keel.clock import rfc3339, utc_now
from keel.database import Database
from keel.identifiers import new_id
from keel.problems import NotFound

_AS_GIVEN = frozenset(
    {"kind", "funding", "start", "end", "date", "mode", "due_on", "on", "occupation"}
)
"""Members that hold a date or a word of a closed list. Every other text is somebody's own: it is
pseudonymised before it rests anywhere, a member that is added tomorrow included."""
_CHANGED = "report_changed"
_CONTENT = (
    "sections",
    "charts",
    "competences",
    "action_plan",
    "projects",
    "circumstances",
    "follow_up",
)


@dataclass(frozen=True, slots=True)
class Reports:
    """The verbs of reports."""

    database: Database
    services: Services
    bilans: Bilans
    runs: Runs
    records: Records
    events: Events
    now: Callable[[], datetime] = utc_now

    async def compose(
        self, caller: Caller, bilan_id: str, run_ids: Sequence[str], content: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Draft a report from runs that the counsellor accepted."""
        async with self.database.begin(caller.tenant) as session:
            bilan = await self.bilans.hold_open(session, caller, bilan_id)
            runs = await self.runs.validated(session, caller.tenant, bilan.id, run_ids)
            report = Report(
                tenant=caller.tenant, id=new_id("rep"), bilan=bilan.id, created_at=self.now()
            )
            session.add(report)
        about = About.bilan_of(caller, bilan)
        try:
            body = {
                **await self._pseudonymised(about, content),
                "report_id": report.id,
                "materials": [_material(run) for run in runs],
            }
            made = await self._ask(about, "create_report", "POST", "/reports", json=body)
        except Relayed:  # refused: nothing was made. After any other failure the reference stays.
            async with self.database.begin(caller.tenant) as session:
                await session.delete(await session.merge(report))
            raise
        await self._made(caller)
        return await self._restored(about, made)

    async def read(self, caller: Caller, report_id: str) -> tuple[dict[str, Any], str]:
        """Return a report with the person's own words, and the tag of this state of it."""
        about = await self._to_read(caller, report_id)
        found = await self.services.call(
            REPORTS, "read_report", "GET", f"/reports/{report_id}", about
        )
        view = found.json()
        if not view.get("kept"):  # else in the person's own words since it was signed
            view = await self._restored(about, view)
        return view, found.headers["etag"]

    async def edit(
        self,
        caller: Caller,
        report_id: str,
        block_id: str,
        text: str,
        made_on: Sequence[str] | None,
    ) -> tuple[dict[str, Any], str]:
        """Change the text of a block; an AI passage never becomes human by editing.

        `made_on` are the tags of the states that it may replace; None: of any. The second value is
        the report's tag from now on.

        Raises:
            PreconditionFailed: the report is in none of these states.
        """
        about = await self._about(caller, report_id)
        body = {
            "text": await self._masked(about, text),
            "editor": caller.counsellor,
            "made_on": made_on,
        }
        path = f"/reports/{report_id}/blocks/{block_id}"
        try:
            made = await self.services.call(REPORTS, "edit_block", "PATCH", path, about, json=body)
        except Relayed as refusal:
            if refusal.code == _CHANGED:
                raise changed_meanwhile() from None
            raise
        return await self._restored(about, made.json()), made.headers["etag"]

    async def review(
        self, caller: Caller, report_id: str, block_id: str, review: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Record what the counsellor decided about one passage."""
        about = await self._about(caller, report_id)
        body = {k: v for k, v in review.items() if v is not None}
        if "text" in body:
            body["text"] = await self._masked(about, body["text"])
        path = f"/reports/{report_id}/blocks/{block_id}/review"
        made = await self._ask(
            about, "review_block", "POST", path, json={**body, "reviewer": caller.counsellor}
        )
        await self._record(
            caller,
            about,
            Kind.HUMAN_REVIEW,
            {
                **of_review(made, review["decision"]),
                "review_decision": review["decision"],
                "review_reason": review["reason"],
                "report": report_id,
                "section": block_id,
            },
            prev=made["provenance"].get("record_id"),
        )
        return await self._restored(about, made)

    async def sign_off(
        self, caller: Caller, report_id: str, identity: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Seal the report: restored content, the identity for its cover, four formats."""
        about = await self._about(caller, report_id)
        draft = await self._ask(about, "read_report", "GET", f"/reports/{report_id}")
        content = {name: draft[name] for name in _CONTENT if name in draft}
        body = {
            "signatory": {"id": caller.counsellor, "name": identity["counsellor_name"]},
            "identity": dict(identity),
            "content": await self._restore(about, content),
        }
        path = f"/reports/{report_id}/sign-off"
        signed = await self._ask(about, "sign_off", "POST", path, json=body, timeout=120)
        await self._record(
            caller,
            about,
            Kind.AI_MARKED,
            {**of_signed(signed), "report": report_id},
            told=EventKind.REPORT_SIGNED,
        )
        return signed

    async def file(
        self, caller: Caller, report_id: str, version: int, kind: str
    ) -> tuple[bytes, str]:
        """Return a rendering and its media type."""
        about = await self._to_read(caller, report_id)
        path = f"/reports/{report_id}/versions/{version}/{kind}"
        found = await self.services.call(REPORTS, "read_version", "GET", path, about, timeout=120)
        return found.content, found.headers["content-type"]

    async def act(
        self, caller: Caller, report_id: str, operation: str, path: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Take one step of the life cycle: submission, agreement."""
        about = await self._about(caller, report_id)
        made = await self._ask(about, operation, "POST", f"/reports/{report_id}/{path}", json=body)
        await self._made(caller)
        return await self._restored(about, made)

    async def _made(self, caller: Caller) -> None:
        """Say that the service did what was asked, before its answer is restored."""
        async with self.database.begin(caller.tenant) as session:
            await carried_out(session)

    async def bilan_of(self, caller: Caller, report_id: str) -> str | None:
        """Return the bilan of a report that the caller may work on."""
        return (await self._about(caller, report_id)).bilan

    async def _to_read(self, caller: Caller, report_id: str) -> About:
        """Return whom a report is about: of an open bilan, or kept of one that is closed."""
        async with self.database.begin(caller.tenant) as session:
            report = await session.get(Report, (caller.tenant, report_id))
            if report is None:
                raise NotFound
            closed = await self.bilans.closed_for(session, caller, report.bilan)
            if closed is not None:
                await require_kept(session, closed, *RetentionScope)
                return About.bilan_of(caller, closed).to_read_kept()
        return await self._about(caller, report_id)

    async def _about(self, caller: Caller, report_id: str) -> About:
        async with self.database.begin(caller.tenant) as session:
            report = await session.get(Report, (caller.tenant, report_id))
            if report is None:
                raise NotFound
            bilan: Bilan = await self.bilans.open_for(session, caller, report.bilan)
        return About.bilan_of(caller, bilan)

    async def _ask(
        self,
        about: About,
        operation: str,
        method: str,
        path: str,
        **content: Any,  # noqa: ANN401
    ) -> dict[str, Any]:
        made: dict[str, Any] = await self.services.json(
            REPORTS, operation, method, path, about, **content
        )
        return made

    async def _restored(self, about: About, view: dict[str, Any]) -> dict[str, Any]:
        restored: dict[str, Any] = await self._restore(about, view)
        return restored

    async def _restore(self, about: About, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        answer = await self.services.json(
            ANONYMIZER, "restore", "POST", "/restorations", about, json={"value": value}
        )
        return answer["value"]

    async def _masked(self, about: About, text: str) -> str:
        return str((await self._pseudonymised(about, {"request": text}))["request"])

    async def _pseudonymised(self, about: About, content: Mapping[str, Any]) -> dict[str, Any]:
        texts: list[str] = []
        _written(content, texts.append)
        if not texts:
            return dict(content)
        body = {"texts": [{"id": str(i), "text": text} for i, text in enumerate(texts)]}
        answer = await self.services.json(
            ANONYMIZER, "pseudonymise", "POST", "/pseudonymisations", about, json=body
        )
        masked = {text["id"]: text["text"] for text in answer["texts"]}
        order = iter(range(len(texts)))
        rewritten: dict[str, Any] = _written(content, lambda _: masked[str(next(order))])
        return rewritten

    async def _record(
        self,
        caller: Caller,
        about: About,
        kind: Kind,
        body: Mapping[str, Any],
        told: EventKind | None = None,
        prev: str | None = None,
    ) -> None:
        """Write a record and, in the same transaction, what the centre's software is told.

        `prev` is the use of AI that it is about: what that one says holds for this one too.
        """
        async with self.database.begin(caller.tenant) as session:
            said = await self.records.said_of_use(session, caller.tenant, prev)
            if kind is Kind.HUMAN_REVIEW:
                said |= await reviewer_facts(session, caller, self.now())
            fact = Fact(
                kind,
                caller.tenant,
                {**await standing_facts(session, caller.tenant, str(about.bilan)), **said, **body},
                beneficiary=about.beneficiary,
                bilan=about.bilan,
                client=caller.client,
                counsellor=caller.counsellor,
                prev=prev,
            )
            await self.records.write(session, fact)
            await carried_out(session)
            if told is not None:
                await self.events.emit(
                    session,
                    caller.tenant,
                    told,
                    report=str(body["report"]),
                    bilan=str(about.bilan),
                    beneficiary=str(about.beneficiary),
                )


def _written(value: Any, rewrite: Callable[[str], Any], name: str = "") -> Any:  # noqa: ANN401 - any JSON value
    """Rebuild a JSON value with `rewrite` applied to each freely written text, in order."""
    if isinstance(value, Mapping):
        return {key: _written(member, rewrite, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_written(member, rewrite, name) for member in value]
    if isinstance(value, str) and value and name not in _AS_GIVEN:
        return rewrite(value)
    return value


def _material(run: Mapping[str, Any]) -> dict[str, Any]:
    marking, review = run["marking"], run["review"]
    return {
        "run": run["run"],
        "use_case": run["use_case"],
        "mode": run["mode"],
        "record_id": marking.get("record"),
        "model": marking.get("model"),
        "provider": marking.get("provider"),
        "generated_at": rfc3339(run["ended_at"]),
        "reviewed_by": review["reviewer"],
        "reviewed_at": review["at"],
        "result": run["result"],
    }
