"""The verbs of records: write one in a business transaction, read it back, prove it."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log import rules as tree
from gateway.log import store as log_store
from gateway.log.service import Log
from gateway.log.store import Generation
from gateway.problems import LogUnavailable
from gateway.records import store
from gateway.records.rules import (
    DEPLOYMENT,
    Fact,
    Kind,
    Retention,
    commitment,
    content_digest,
    encryption_key,
    of_the_use,
    record_of,
    salt,
)
from gateway.tables import Record
from keel.clock import utc_now
from keel.database import cannot_be_asked
from keel.identifiers import new_id
from keel.problems import NotFound, Problem
from keel.sealing import CannotUnseal, ContentKeys, KeyFileRefused, seal, unseal
from keel.strict_json import canonical
from keel.telemetry import current_trace_id
from keel.tenancy import enter
from keel.tokens import b64u

_BEGIN = (Kind.AI_DISPATCH, Kind.GATE_REFUSED, Kind.RUN_COMPUTED)
"""With what a use of AI, a refusal or a computed run begins."""
_UNWRITTEN = "Nothing was done: it must be written down first. Try again in a moment."
_CANNOT_OPEN = "The key of these records cannot be opened."


def unwritten() -> LogUnavailable:
    """Say that a record could not be written, and nothing was done."""
    return LogUnavailable(_UNWRITTEN, headers={"Retry-After": "1"})


class RecordErased(Problem):
    """The person's key was destroyed; leaf and proof still stand."""

    code = "erased"
    title = "What this record said was erased"
    status = 410


class NotInLogYet(Exception):  # noqa: N818 - a state, answered with 202
    """The record is committed, but no checkpoint covers it yet."""


@dataclass(frozen=True, slots=True)
class DrawnUp:
    """A record that is ready to be sealed and written: its fact, and its one canonical form."""

    id: str
    occurred_at: datetime
    fact: Fact
    text: bytes

    @property
    def subject(self) -> str:
        """Whose key it is sealed under: the person's, or the tenant's for one about no person."""
        return self.fact.beneficiary or self.fact.tenant

    def row(self, key: bytes) -> dict[str, Any]:
        """Return its row, sealed."""
        fact = self.fact
        return {
            "tenant": fact.tenant,
            "id": self.id,
            "kind": str(fact.kind),
            "beneficiary": fact.beneficiary,
            "bilan": fact.bilan,
            "consent": fact.consent,
            "prev": fact.prev,
            "occurred_at": self.occurred_at,
            "sealed": seal(encryption_key(key, self.id), self.text, f"{fact.tenant}\x00{self.id}"),
        }

    def commitment(self, key: bytes) -> dict[str, Any]:
        """Return the row with which it waits for its place in the log."""
        return {
            "tenant": self.fact.tenant,
            "record": self.id,
            "kind": str(self.fact.kind),
            "commitment": commitment(salt(key, self.id), self.text),
        }


def _opened(row: Record, key: bytes | None) -> dict[str, Any] | None:
    if key is None or row.sealed is None:
        return None
    opened = unseal(encryption_key(key, row.id), row.sealed, f"{row.tenant}\x00{row.id}")
    record: dict[str, Any] = json.loads(opened)
    return record


def _tenant(record: DrawnUp) -> str:
    return record.fact.tenant


Covering = Callable[[AsyncSession, Generation, int], Awaitable[tuple[int, str] | None]]
"""From a leaf's index to the size and note of a checkpoint that covers it; None without one."""


async def _newest(_: AsyncSession, of: Generation, index: int) -> tuple[int, str] | None:
    return (of.size, of.checkpoint) if index < of.size else None


@dataclass(frozen=True, slots=True)
class Records:
    """The verbs of records, inside the caller's transaction."""

    keys: ContentKeys
    now: Callable[[], datetime] = utc_now
    kept: Retention = Retention.TWELVE_MONTHS
    """How long records are kept here; each says so of itself."""
    checkpoint: Covering = _newest
    """Finds the checkpoint under which a receipt proves its leaf: size and note."""

    async def write(
        self, session: AsyncSession, fact: Fact, *, record_id: str | None = None
    ) -> str:
        """Write one record with its commitment in the outbox; returns its id.

        The caller holds the lock of the consent row when the record is of a consent. What stands
        alone is appended instead (`records.appends`).

        Raises:
            LogUnavailable: it cannot be written; the caller's transaction is lost with it.
        """
        drawn = self.drawn_up(fact, record_id=record_id)
        try:
            await self.write_all(session, [drawn])
        except DBAPIError as error:
            if cannot_be_asked(error):
                raise
            raise unwritten() from error
        return drawn.id

    def drawn_up(self, fact: Fact, *, record_id: str | None = None) -> DrawnUp:
        """Give a fact its id, its instant and its canonical form; nothing is written yet."""
        record_id, at = record_id or new_id("rec"), self.now()
        record = record_of(
            fact,
            record_id=record_id,
            occurred_at=at,
            trace_id=current_trace_id(),
            kept=self.kept,
        )
        return DrawnUp(record_id, at, fact, canonical(record))

    async def write_all(self, session: AsyncSession, drawn: Sequence[DrawnUp]) -> None:
        """Write records with their commitments; those of each tenant stand together.

        The transaction is that of the first tenant, and in the end that of the last.

        Raises:
            LogUnavailable: a key is there and cannot be opened.
        """
        waiting: list[dict[str, Any]] = []
        for number, (tenant, theirs) in enumerate(groupby(drawn, key=_tenant)):
            if number:
                await enter(session, tenant)
            waiting += await self._write_of(session, tenant, list(theirs))
        await log_store.enqueue(session, waiting)

    async def _write_of(
        self, session: AsyncSession, tenant: str, drawn: Sequence[DrawnUp]
    ) -> list[dict[str, Any]]:
        """Write records of one tenant, whose transaction this is; returns their commitments."""
        subjects = sorted({record.subject for record in drawn})
        try:
            keys = await self.keys.obtain_all(session, tenant, subjects)
        except CannotUnseal:
            raise LogUnavailable(_CANNOT_OPEN) from None
        await store.add(session, tenant, [record.row(keys[record.subject]) for record in drawn])
        return [record.commitment(keys[record.subject]) for record in drawn]

    async def write_genesis(self, session: AsyncSession, about: Mapping[str, Any]) -> str:
        """Say which log this is, and which it follows; its leaf is the log's first (7.3, 8)."""
        await enter(session, DEPLOYMENT)
        return await self.write(session, Fact(Kind.LOG_GENESIS, DEPLOYMENT, about))

    async def key_of(self, session: AsyncSession, tenant: str, beneficiary: str | None) -> bytes:
        """Return the key of a person's records; the tenant's own for records about no person.

        Raises:
            LogUnavailable: the key is there and cannot be opened.
        """
        try:
            return await self.keys.obtain(session, tenant, beneficiary or tenant)
        except CannotUnseal:
            raise LogUnavailable(_CANNOT_OPEN) from None

    async def require_key(self, session: AsyncSession, tenant: str) -> None:
        """See at a start that the key-encryption key is the one that wrapped what is there.

        Raises:
            KeyFileRefused: it is another one.
        """
        try:
            await self.keys.find(session, tenant, tenant)
        except CannotUnseal:
            raise KeyFileRefused(
                "gateway.kek is not the key that wrapped this database's keys. Give back the key "
                "folder with which it was made."
            ) from None

    async def new_keys(
        self, session: AsyncSession, tenant: str, beneficiaries: Sequence[str]
    ) -> dict[str, bytes]:
        """Make the keys of persons who were just given their ids, and return them by id."""
        return await self.keys.create(session, tenant, beneficiaries)

    async def digest(
        self, session: AsyncSession, tenant: str, beneficiary: str | None, content: bytes
    ) -> str:
        """Bind content to a record by a digest under the person's key (I-2)."""
        key = await self.key_of(session, tenant, beneficiary)
        return content_digest(key, content)

    async def read(self, session: AsyncSession, row: Record) -> dict[str, Any]:
        """Return the private record.

        Raises:
            RecordErased: it was emptied or its key destroyed; its leaf and proof come with it.
        """
        record = await self.read_unless_erased(session, row)
        if record is None:
            raise await self._erased(session, row)
        return record

    async def _erased(self, session: AsyncSession, row: Record) -> RecordErased:
        try:
            receipt = await self.receipt(session, row)
        except NotInLogYet:
            return RecordErased(
                "What it said was erased. No checkpoint covers its leaf yet: ask again soon.",
                headers={"Retry-After": "1"},
            )
        return RecordErased(
            "What it said was erased; `leaf` and `proof` still stand, and so does its receipt.",
            members={"leaf": receipt["leaf"], "proof": receipt["proof"]},
        )

    async def read_unless_erased(self, session: AsyncSession, row: Record) -> dict[str, Any] | None:
        """Return the private record; None when its key was destroyed."""
        return (await self.read_each(session, row.tenant, [row]))[0]

    async def read_each(
        self, session: AsyncSession, tenant: str, rows: Sequence[Record]
    ) -> list[dict[str, Any] | None]:
        """Return the private records of one tenant, in order; None for each that was erased."""
        subjects = sorted({row.beneficiary or tenant for row in rows})
        keys = await self.keys.find_all(session, tenant, subjects)
        return [_opened(row, keys.get(row.beneficiary or tenant)) for row in rows]

    async def said_of_use(
        self, session: AsyncSession, tenant: str, record_id: str | None
    ) -> dict[str, Any]:
        """Return what a record says of its use of AI, for what comes after it in the life cycle.

        Nothing where there is no such record, or its key was destroyed.
        """
        return of_the_use(await self.said_of_call(session, tenant, record_id))

    async def said_of_call(
        self, session: AsyncSession, tenant: str, record_id: str | None
    ) -> dict[str, Any]:
        """Return the body of a record; nothing where there is none, or its key was destroyed."""
        row = None if record_id is None else await store.find(session, tenant, record_id)
        said = None if row is None else await self.read_unless_erased(session, row)
        body: dict[str, Any] = {} if said is None else said["body"]
        return body

    async def committed(self, session: AsyncSession, row: Record) -> bytes | None:
        """Return what the record's leaf must commit to; None when it was erased (CannotUnseal)."""
        record = await self.read_unless_erased(session, row)
        return (
            None
            if record is None
            else commitment(await self._salt(session, row), canonical(record))
        )

    async def uses(
        self, session: AsyncSession, tenant: str, beneficiary: str, *, limit: int
    ) -> list[dict[str, Any]]:
        """Return a person's newest `limit` calls and computed runs, and what came after each."""
        begun = await store.newest(
            session, tenant, beneficiary=beneficiary, kinds=_BEGIN, limit=limit
        )
        after = await store.following(session, tenant, [row.id for row in begun])
        opened = await self.read_each(session, tenant, [*begun, *after])
        return [record for record in opened if record is not None]

    async def receipt(self, session: AsyncSession, row: Record) -> dict[str, Any]:
        """Return leaf, salt, record and C2SP proof (section 7.5).

        Raises:
            NotInLogYet: no checkpoint covers the record yet.
        """
        if row.log_generation is None or row.log_index is None:
            raise NotInLogYet
        log = await Log.of(session, row.log_generation)
        if log is None:
            raise NotInLogYet
        covering = await self.checkpoint(session, log.generation, row.log_index)
        if covering is None:
            raise NotInLogYet
        size, checkpoint = covering
        path = await log.inclusion(row.log_index, size)
        leaves = await log.entries(row.log_index, 1)
        record = await self.read_unless_erased(session, row)
        return {
            "leaf": b64u(leaves[0]),
            "salt": None if record is None else b64u(await self._salt(session, row)),
            "record": record,
            "proof": tree.proof_text(row.log_index, path, checkpoint),
        }

    async def _salt(self, session: AsyncSession, row: Record) -> bytes:
        key = await self.key_of(session, row.tenant, row.beneficiary)
        return salt(key, row.id)

    async def erase(self, session: AsyncSession, tenant: str, beneficiary: str) -> int:
        """Destroy a person's key and what their records say; returns how many records that was.

        Their leaves and proofs stay and are valid: without the key nobody can tell what a leaf
        commits to (profile section 7.2). What is left of a row tells no longer whose it was.
        """
        await self.keys.destroy(session, tenant, beneficiary)
        return await store.erase(session, tenant, beneficiary)

    async def find(self, session: AsyncSession, tenant: str, record_id: str) -> Record:
        """Return a record of the tenant, or raise `NotFound`."""
        row = await store.find(session, tenant, record_id)
        if row is None:
            raise NotFound
        return row
