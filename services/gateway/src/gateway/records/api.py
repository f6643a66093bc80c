"""Reading records: by the tenant, with a proof that anyone can check."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response, status
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.access import RecordReaderDep
from gateway.records import store
from gateway.records.appends import Appends
from gateway.records.rules import Fact, Kind
from gateway.records.service import NotInLogYet, RecordErased
from gateway.tables import Record
from gateway.tenants.service import Caller
from gateway.wiring import AppendsDep, RecordsDep
from keel.database import SessionDep
from keel.identifiers import BeneficiaryId, BilanId, ConsentId, RecordId
from keel.problems import NotFound, problems

router = APIRouter(prefix="/v1/records", tags=["transparency"])

Instant = Annotated[AwareDatetime | None, Query(description="An instant with its zone.")]


class RecordView(BaseModel):
    """A private record. The members of `body` depend on its kind; an absent one is unknown."""

    model_config = ConfigDict(extra="allow")

    v: int = Field(ge=1, le=1)
    id: RecordId
    kind: str = Field(max_length=30)
    occurred_at: str = Field(max_length=20)
    body: dict[str, Any]


class ErasedRecord(BaseModel):
    """What is left of a record whose key was destroyed; its receipt still verifies."""

    id: RecordId
    kind: str = Field(max_length=30)
    erased: Literal[True]


class RecordPage(BaseModel):
    """Records in the order of time; `next` is the cursor of the following page."""

    items: list[RecordView | ErasedRecord] = Field(max_length=200)
    next: RecordId | None = None


class RecordReceipt(BaseModel):
    """What proves a record: its leaf, the salt of its commitment, the record, the log's proof."""

    leaf: str = Field(max_length=700)
    salt: str | None = Field(max_length=43)
    record: RecordView | None
    proof: str = Field(max_length=20_000)


@router.get("", responses=problems(NotFound))
async def list_records(
    session: SessionDep,
    records: RecordsDep,
    appends: AppendsDep,
    caller: RecordReaderDep,
    beneficiary: BeneficiaryId | None = None,
    consent: ConsentId | None = None,
    bilan: BilanId | None = None,
    kind: Kind | None = None,
    since: Instant = None,
    before: Instant = None,
    after: RecordId | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RecordPage:
    """List the tenant's records. Reading them is itself recorded (I-12).

    There is no filter by counsellor, on purpose: records are not there to rate people who work.
    """
    asked = {"beneficiary": beneficiary, "consent": consent, "bilan": bilan, "kind": kind}
    rows = await store.page(
        session, caller.tenant, **asked, since=since, before=before, after=after, limit=limit
    )
    read = await records.read_each(session, caller.tenant, rows)
    items = [_item(row, record) for row, record in zip(rows, read, strict=True)]
    # Sealed under the person's key, which nobody makes anew for somebody who was erased.
    whose = beneficiary if any(isinstance(item, RecordView) for item in items) else None
    await _recorded(session, appends, _access(caller, "list", returned=len(items), whose=whose))
    return RecordPage(items=items, next=rows[-1].id if len(rows) == limit else None)


def _item(row: Record, record: dict[str, Any] | None) -> RecordView | ErasedRecord:
    if record is None:
        return ErasedRecord(id=row.id, kind=row.kind, erased=True)
    return RecordView.model_validate(record)


async def _recorded(session: AsyncSession, appends: Appends, access: Fact) -> None:
    # What was read is in hand; its transaction may hold the only connection.
    await session.commit()
    await appends.append(access)


def _access(
    caller: Caller, query_class: str, *, returned: int = 1, whose: str | None = None
) -> Fact:
    return Fact(
        Kind.LOG_ACCESSED,
        caller.tenant,
        {"query_class": query_class, "returned": returned},
        client=caller.client,
        counsellor=caller.counsellor,
        beneficiary=whose,
    )


@router.get("/{record_id}", responses=problems(NotFound, RecordErased))
async def read_record(
    record_id: RecordId,
    session: SessionDep,
    records: RecordsDep,
    appends: AppendsDep,
    caller: RecordReaderDep,
) -> RecordView:
    """Return one record. Reading it is itself recorded (I-12).

    Of an erased one the refusal (410) carries what still stands: `leaf`, and `proof` as C2SP
    tlog-proof text; before a checkpoint covers it, neither, and a `Retry-After`.
    """
    row = await records.find(session, caller.tenant, record_id)
    record = await records.read(session, row)
    await _recorded(session, appends, _access(caller, "record", whose=row.beneficiary))
    return RecordView.model_validate(record)


@router.get(
    "/{record_id}/receipt",
    response_model=RecordReceipt,
    responses={**problems(NotFound), 202: {"description": "Not in a checkpoint yet."}},
)
async def read_record_receipt(
    record_id: RecordId,
    session: SessionDep,
    records: RecordsDep,
    appends: AppendsDep,
    caller: RecordReaderDep,
) -> Any:  # noqa: ANN401 - a receipt, or 202 without one
    """Return the proof of one record, as C2SP tlog-proof text with the checkpoint verbatim.

    A receipt holds its record, so reading one is itself recorded (I-12).
    """
    row = await records.find(session, caller.tenant, record_id)
    try:
        receipt = await records.receipt(session, row)
    except NotInLogYet:
        return Response(status_code=status.HTTP_202_ACCEPTED, headers={"Retry-After": "1"})
    whose = None if receipt["record"] is None else row.beneficiary
    await _recorded(session, appends, _access(caller, "receipt", whose=whose))
    return receipt
