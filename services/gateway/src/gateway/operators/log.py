"""`python -m gateway log …`: audit, status, a new key, a new origin, the log as files."""

import argparse
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import structlog
from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from gateway import rotation
from gateway.log import audit, rules, store
from gateway.log.export import export
from gateway.log.keys import LogKey, forget_over, replace_key
from gateway.log.service import LogDamaged, NewOrigin, Sequencer
from gateway.log.verdicts import Scope, Verdict, note
from gateway.problems import LogRefused
from gateway.records.rules import DEPLOYMENT, Fact, Kind
from gateway.records.service import Records
from keel.clock import rfc3339, utc_now
from keel.start import StartRefused

logger = structlog.get_logger()

_AUDIT, _STATUS, _KEY, _ORIGIN, _EXPORT = "audit", "status", "rotate-key", "new-origin", "export"


@dataclass(frozen=True, slots=True)
class LogVerbs:
    """What an operator does with the log."""

    sequencer: Sequencer
    records: Records

    async def audit(self, *, records: bool) -> dict[str, Any]:
        """Recompute everything; with `records`, also what the private records commit to."""
        asked = self.records.committed if records else None
        database, at = self.sequencer.database, utc_now()
        found = await audit.audit(database, self.sequencer.base, self.sequencer.keys, asked)
        await note(database, Scope.WHOLE, Verdict(found["verdict"]), size=found["size"], at=at)
        return found

    async def look_at_the_edge(self) -> bool:
        """Check what the next leaf is appended to, as a start does; says whether it holds."""
        size, verdict = 0, Verdict.CONSISTENT
        try:
            size = await self.sequencer.look()
        except LogDamaged:
            verdict = Verdict.DAMAGED
        await note(self.sequencer.database, Scope.EDGE, verdict, size=size, at=utc_now())
        return verdict is Verdict.CONSISTENT

    async def forget_old_keys(self) -> None:
        """Delete the keys whose 30 days beside their successor are over, each with its record.

        Where the folder cannot be written, what is due is told: it signs nothing any more.
        """
        keys, at = self.sequencer.keys, utc_now()
        async with self.sequencer.database.begin() as session:
            signed = {k for g in await store.generations(session) for k in _needed(g)}
        try:
            with rotation.alone(keys.folder):
                over = forget_over(keys.folder, at=at, but=signed)
        except OSError:
            logger.warning("log_key_deletion_due", folder=str(keys.folder))
            return
        lines = [self._deleted(key) | {"reason": "scheduled"} for key in over]
        if lines:
            await self._written(lines)

    def _deleted(self, key: LogKey) -> dict[str, Any]:
        return _change("deleted", rules.key_id(self._origin(key), key.key).hex(), None)

    async def _written(self, lines: list[dict[str, Any]]) -> None:
        async with self.sequencer.database.begin(DEPLOYMENT) as session:
            for line in lines:
                await self.records.write(session, Fact(Kind.KEY_ROTATED, DEPLOYMENT, line))

    async def status(self) -> dict[str, Any]:
        """Say how the log stands."""
        async with self.sequencer.database.begin() as session:
            state = await store.state(session)
            waiting, oldest = await store.queue(session)
        if state is None:
            return {"origin": self.sequencer.base, "size": 0, "waiting": waiting}
        age = None if oldest is None else int((utc_now() - oldest).total_seconds())
        last = datetime.fromtimestamp(state.last_minute * rules.MINUTE, UTC)
        return {
            "origin": state.origin,
            "generation": state.generation,
            "size": state.size,
            "root": state.root.hex(),
            "last_checkpoint_at": rfc3339(last),
            "waiting": waiting,
            "oldest_waiting_seconds": age,
            "keys": [self._key(key) for key in self.sequencer.keys.held(state.generation)],
            "signed_by": list(state.keys),
            "copies": await self._copies(state),
        }

    def _key(self, key: LogKey) -> dict[str, Any]:
        origin = rules.origin_of(self.sequencer.base, key.generation)
        return {
            "key_id": rules.key_id(origin, key.key).hex(),
            "file": key.path.name,
            "first_used_at": key.first_used_at and rfc3339(key.first_used_at),
            "signs_until": key.until and rfc3339(key.until),
        }

    async def _copies(self, state: store.Generation) -> dict[str, Any] | None:
        """Say whether the copies hold the newest checkpoint; None where there are none."""
        copies = self.sequencer.copies
        if copies.folder is None and copies.remote is None:
            return None
        try:
            found = await copies.found()
        except StartRefused as refused:
            return {"behind": True, "why": str(refused)}
        held = None if found is None else found.age
        behind = held is None or held < (state.generation, state.size) or bool(copies.behind)
        return {"behind": behind, "size": None if found is None else found.checkpoint.size}

    async def rotate_key(self) -> list[dict[str, Any]]:
        """Let a new key sign, the old one beside it for 30 days, and delete those that are over.

        Raises:
            LogRefused: there is no key to replace, or the folder cannot be written.
        """
        keys, at = self.sequencer.keys, utc_now()
        async with self.sequencer.database.begin() as session:
            state = await store.state(session)
        if state is None:
            raise LogRefused("The log has not begun: start the gateway once.")
        try:
            with rotation.alone(keys.folder):
                over = forget_over(keys.folder, at=at, but=_needed(state))
                old, new = replace_key(keys.folder, state.generation, state.origin, at=at)
        except StartRefused as refused:
            raise LogRefused(str(refused)) from None
        except OSError as error:
            raise LogRefused(f"{keys.folder} cannot be written ({error.strerror}).") from None
        lines = [_change("activated", old, new), *map(self._deleted, over)]
        await self._written(lines)
        return lines

    def _origin(self, key: LogKey) -> str:
        return rules.origin_of(self.sequencer.base, key.generation)

    async def new_origin(self, why: NewOrigin) -> dict[str, Any]:
        """End the log that grows and begin the next; the old one is never continued.

        Raises:
            LogRefused: there is no key for it, or the copies cannot be read.
        """
        try:
            begun = await self.sequencer.begin_anew(why)
        except StartRefused as refused:
            raise LogRefused(str(refused)) from None
        return {"origin": begun.origin, "generation": begun.generation, "vkey": list(begun.keys)}

    async def export(self, folder: Path) -> dict[str, Any]:
        """Write the public log as files.

        Raises:
            LogRefused: the folder cannot be written, or holds something else.
        """
        try:
            return await export(self.sequencer.database, folder)
        except OSError as error:
            raise LogRefused(f"{folder} cannot be written ({error.strerror}).") from None


def _needed(state: store.Generation) -> set[str]:
    """Return the verifier key without which nobody could tell that a log's checkpoint is ours."""
    return set(state.keys) if len(state.keys) == 1 and state.ended_at is None else set()


def _change(step: str, old: str, new: str | None) -> dict[str, Any]:
    return {"use": "log", "step": step, "kid_old": old, "kid_new": new}


class Anew(BaseModel):
    """Why a log ends and another begins."""

    model_config = ConfigDict(extra="forbid")

    reason: NewOrigin


class Where(BaseModel):
    """A folder of the machine on which the gateway runs."""

    model_config = ConfigDict(extra="forbid")

    folder: Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^/[^\x00]*$")]


def add_log_verbs(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the application's own
    """Add what an operator can do with the log."""

    @app.get("/log/audit")
    async def audit_log(*, records: bool = False) -> dict[str, Any]:
        verdict: dict[str, Any] = await state.log.audit(records=records)
        if verdict["verdict"] != "consistent":
            await state.incidents.tell_damage(state.database)
        return verdict

    @app.get("/log/status")
    async def read_log_status() -> dict[str, Any]:
        return await state.log.status()  # type: ignore[no-any-return]

    @app.post("/log/key")
    async def rotate_log_key() -> list[dict[str, Any]]:
        return await state.log.rotate_key()  # type: ignore[no-any-return]

    @app.post("/log/origin", status_code=201)
    async def begin_log_anew(body: Anew) -> dict[str, Any]:
        return await state.log.new_origin(body.reason)  # type: ignore[no-any-return]

    @app.post("/log/export")
    async def export_log(body: Where) -> dict[str, Any]:
        return await state.log.export(Path(body.folder))  # type: ignore[no-any-return]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs of `log`."""
    actions = parser.add_subparsers(dest="action", required=True)
    audited = actions.add_parser(_AUDIT, help="recompute everything; status 1 when it is damaged")
    audited.add_argument(
        "--records", action="store_true", help="also what the private records commit to"
    )
    actions.add_parser(_STATUS, help="size, what waits, keys, copies")
    actions.add_parser(_KEY, help="sign with a new key, and for 30 days with the old one too")
    anew = actions.add_parser(_ORIGIN, help="end this log for good and begin the next")
    anew.add_argument("--reason", required=True, choices=[str(reason) for reason in NewOrigin])
    exported = actions.add_parser(_EXPORT, help="write the public log as C2SP files")
    exported.add_argument("--to", required=True, type=Path, metavar="DIR")


def asked(given: argparse.Namespace) -> tuple[str, str, dict[str, Any] | None]:
    """Return the method, the route and the body that do what the operator gave."""
    match given.action:
        case "audit":
            return "GET", f"/log/audit?records={str(given.records).lower()}", None
        case "status":
            return "GET", "/log/status", None
        case "rotate-key":
            return "POST", "/log/key", None
        case "new-origin":
            return "POST", "/log/origin", {"reason": given.reason}
        case _:
            return "POST", "/log/export", {"folder": str(given.to.absolute())}
