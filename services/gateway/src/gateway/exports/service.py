"""The verb of exports: give a person what is held about them, in their own words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from gateway.bilans import store as bilan_store
from gateway.bilans.service import Bilans
from gateway.exports.gathering import Gathered, Gathering
from gateway.exports.rules import (
    EXPLAINED,
    FORMAT_VERSION,
    LOGIC,
    RIGHTS,
    SOURCES,
    ExportKind,
    plain,
    written,
)
from gateway.problems import ReportNotSigned
from gateway.records.appends import Appends
from gateway.records.rules import Actor, Fact, Kind
from gateway.records.telling import told
from gateway.services import ANONYMIZER, REPORTS, About, Services
from gateway.tables import Bilan, Document, Report
from gateway.tenants.service import Caller
from keel.calls import Relayed
from keel.clock import rfc3339, utc_now
from keel.database import Database
from keel.problems import NotFound

Own = TypeVar("Own", Document, Report)
_GONE = frozenset({404, 410})
_GIVEN = ("consents", "contestations", "documents")
"""What the person gave: documents, answers, words (GDPR 20(1))."""


_RIGHTS = {ExportKind.ACCESS: "15", ExportKind.PORTABLE: "20"}
"""The right that a copy answers to (GDPR)."""


@dataclass(frozen=True, slots=True)
class Exports:
    """The verb of exports. Services are asked outside every transaction."""

    database: Database
    services: Services
    appends: Appends
    gathering: Gathering
    bilans: Bilans
    now: Callable[[], datetime] = utc_now

    async def of(
        self, tenant: str, beneficiary: str, kind: ExportKind, *, caller: Caller | None = None
    ) -> dict[str, Any]:
        """Return a copy of what is held; without a caller, the person asks on their own page.

        It works while a restriction stands and after a bilan closed: what was destroyed is absent.
        Of a person without a bilan nothing is held that only a counsellor may read: the tenant's
        own reference, restrictions and records.

        Raises:
            NotFound: the person is not one of the tenant's.
            CounsellorNeeded: a client asks, for nobody who is assigned to each of their bilans.
            SecrecyNoticeNeeded: that counsellor has not accepted the secrecy notice (LR-A21).
            ServiceUnavailable: a service does not answer; nothing is given in part.
        """
        by = caller or Caller(tenant, "", frozenset(), None)
        async with self.database.begin(tenant) as session:
            if caller is not None:
                for bilan in await bilan_store.of_beneficiary(session, tenant, beneficiary):
                    await self.bilans.require_assigned(session, caller, bilan)
            gathered = await self.gathering.of(session, tenant, beneficiary)
        held = {**gathered.held, **await self._contents(by, gathered)}
        names = await self.services.legal_names(tenant)
        held |= written(told(held["records"], names).as_values())
        fact = Fact(
            Kind.LOG_ACCESSED,
            tenant,
            {
                "query_class": f"export_{kind}",
                "returned": len(held["records"]),
                "right_exercised": _RIGHTS[kind],
            },
            beneficiary=beneficiary,
            client=by.client or None,
            counsellor=by.counsellor,
            actor=Actor.BENEFICIARY if caller is None else None,
        )
        await self.appends.append(fact)
        return self._told(kind, held)

    async def document(
        self, tenant: str, beneficiary: str, document_id: str
    ) -> tuple[Document, str]:
        """Return one of the person's own documents with its text, for their page.

        Raises:
            NotFound: it is none of this person's, or it was destroyed.
            ServiceUnavailable: a service does not answer.
        """
        document, about = await self._own(Document, tenant, beneficiary, document_id)
        path = f"/documents/{document.id}/pseudonymised"
        found = await self._ask(ANONYMIZER, "read_pseudonymised", path, about)
        if found is None:
            raise NotFound
        return document, str(await self._restored(about, found["text"]))

    async def synthesis(self, tenant: str, beneficiary: str, report_id: str) -> bytes:
        """Return the person's own signed synthesis as PDF, for their page.

        Raises:
            NotFound: it is none of this person's, or it was destroyed.
            ReportNotSigned: it is still a draft.
            ServiceUnavailable: the reports service does not answer.
        """
        report, about = await self._own(Report, tenant, beneficiary, report_id)
        path = f"/reports/{report.id}"
        found = await self._ask(REPORTS, "read_report", path, about)
        if found is None:
            raise NotFound
        if found["signed_at"] is None:
            raise ReportNotSigned("The counsellor did not sign it yet.")
        pdf = f"{path}/versions/{found['version']}/pdf"
        answer = await self.services.call(REPORTS, "read_version", "GET", pdf, about, timeout=120)
        return answer.content

    async def _own(
        self, table: type[Own], tenant: str, beneficiary: str, row_id: str
    ) -> tuple[Own, About]:
        async with self.database.begin(tenant) as session:
            row = await session.get(table, (tenant, row_id))
            bilan = None if row is None else await session.get(Bilan, (tenant, row.bilan))
        if row is None or bilan is None or bilan.beneficiary != beneficiary:
            raise NotFound
        by = Caller(tenant, "", frozenset(), None)
        return row, About.bilan_of(by, bilan).to_give_back()

    def _told(self, kind: ExportKind, held: dict[str, Any]) -> dict[str, Any]:
        head = {
            "format_version": FORMAT_VERSION,
            "kind": str(kind),
            "language": "fr",
            "made_at": rfc3339(self.now()),
            "controller": held["controller"],
            "beneficiary": held["beneficiary"],
        }
        if kind is ExportKind.PORTABLE:
            return {**head, **{name: held[name] for name in _GIVEN}}
        recipients = sorted({use["recipient"] for use in held["ai_uses"]} - {None})
        explained = {
            "sections": EXPLAINED,
            "logic": LOGIC,
            "sources": SOURCES,
            "rights": RIGHTS,
            "recipients": recipients,
            "automated_decision": False,
        }
        return {**head, "in_plain_words": explained, **{name: held[name] for name in EXPLAINED}}

    async def _contents(self, by: Caller, gathered: Gathered) -> dict[str, Any]:
        documents, runs, reports = [], [], []
        for bilan, its_documents, its_runs, its_reports in gathered.contents:
            about = About.bilan_of(by, bilan).to_give_back().with_its_record()
            for document in its_documents:
                path = f"/documents/{document.id}/pseudonymised"
                found = await self._ask(ANONYMIZER, "read_pseudonymised", path, about)
                text = None if found is None else await self._restored(about, found["text"])
                documents.append({**plain(document, "id", "bilan", "created_at"), "text": text})
            for run, made in its_runs:
                result = None if made is None else await self._restored(about, made)
                shown = plain(
                    run, "id", "bilan", "use_case", "mode", "status", "created_at", "review"
                )
                runs.append({**shown, "result": result})
            for report in its_reports:
                read = await self._ask(REPORTS, "read_report", f"/reports/{report.id}", about)
                shown = plain(report, "id", "bilan", "created_at")
                if read is not None and not read.get("kept"):
                    read = await self._restored(about, read)
                reports.append({**shown, "content": read})
        return {"documents": documents, "runs": runs, "reports": reports}

    async def _ask(
        self, service: str, operation: str, path: str, about: About
    ) -> dict[str, Any] | None:
        """Return what a service holds; None when it was destroyed."""
        try:
            found: dict[str, Any] = await self.services.json(service, operation, "GET", path, about)
        except Relayed as refusal:
            if refusal.status in _GONE:
                return None
            raise
        return found

    async def _restored(self, about: About, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        answer = await self.services.json(
            ANONYMIZER, "restore", "POST", "/restorations", about, json={"value": value}
        )
        return answer["value"]
