"""A checker of histories: whether what was seen from outside can be what a gate that holds did.

It knows nothing of the gateway. A history is what three witnesses saw: the model double (what was
received, and when), whoever withdrew (when that was acknowledged), and the public order of the log.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

GRACE_SECONDS = 1.0
"""How long after an acknowledgement a byte may arrive, or an answer, that was let out before it."""
_CLOSING = ("ai.result", "ai.error", "ai.cancelled")


@dataclass(frozen=True, slots=True)
class Logged:
    """One record, at its place in the log."""

    index: int
    record: str
    kind: str
    consent: str
    closes: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """An attempt that reached the model: the record that its pass names, and when."""

    record: str
    at: float


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A withdrawal that was answered 2xx."""

    consent: str
    at: float


@dataclass(frozen=True, slots=True)
class Delivered:
    """An answer of a model that its caller got."""

    record: str
    at: float


Event = Logged | Received | Acknowledged | Delivered


def violations(history: Iterable[Event]) -> list[str]:
    """Name everything that a gate which holds cannot have done; an empty list is a good history."""
    events = list(history)
    log = sorted((e for e in events if isinstance(e, Logged)), key=lambda e: e.index)
    received = [e for e in events if isinstance(e, Received)]
    delivered = [e for e in events if isinstance(e, Delivered)]
    ended = {e.consent: e.at for e in events if isinstance(e, Acknowledged)}
    let_out = {e.record: e for e in log if e.kind == "ai.dispatch"}
    return [
        *_out_of_order(log),
        *_not_acknowledged_in_the_log(log, ended),
        *_without_record(received, let_out),
        *_started_late(received, let_out, log, ended),
        *_not_closed_once(log, let_out),
        *_delivered_late(delivered, let_out, ended),
    ]


def _withdrawn_at(log: list[Logged]) -> dict[str, int]:
    return {e.consent: e.index for e in log if e.kind == "consent.revoked"}


def _out_of_order(log: list[Logged]) -> list[str]:
    withdrawn = _withdrawn_at(log)
    return [
        f"{e.kind} of {e.consent} at {e.index}, after its consent.revoked at {withdrawn[e.consent]}"
        for e in log
        if e.kind in ("ai.dispatch", "ai.result") and e.index > withdrawn.get(e.consent, e.index)
    ]


def _not_acknowledged_in_the_log(log: list[Logged], ended: dict[str, float]) -> list[str]:
    written = _withdrawn_at(log)
    return [
        f"the withdrawal of {consent} was acknowledged and is not in the log"
        for consent in ended
        if consent not in written
    ]


def _without_record(received: list[Received], let_out: dict[str, Logged]) -> list[str]:
    times = Counter(e.record for e in received)
    missing = [
        f"{record} reached the model and no ai.dispatch says so"
        for record in times
        if record not in let_out
    ]
    again = [
        f"{record} reached the model {n} times on one pass" for record, n in times.items() if n > 1
    ]
    return missing + again


def _started_late(
    received: list[Received], let_out: dict[str, Logged], log: list[Logged], ended: dict[str, float]
) -> list[str]:
    """After the acknowledgement nothing starts: neither by the log, nor by the clock of the double."""
    withdrawn, found = _withdrawn_at(log), []
    for e in received:
        dispatch = let_out.get(e.record)
        if dispatch is None or dispatch.consent not in ended:
            continue
        late = e.at - ended[dispatch.consent]
        decided_after = dispatch.index > withdrawn.get(dispatch.consent, dispatch.index)
        if late > GRACE_SECONDS or (late > 0 and decided_after):
            found.append(
                f"{e.record} reached the model {late:.3f} s after the withdrawal of {dispatch.consent} was acknowledged"
            )
    return found


def _not_closed_once(log: list[Logged], let_out: dict[str, Logged]) -> list[str]:
    closed = Counter(e.closes for e in log if e.kind in _CLOSING)
    return [
        f"{record} has {closed[record]} closing records"
        for record in let_out
        if closed[record] != 1
    ]


def _delivered_late(
    delivered: list[Delivered], let_out: dict[str, Logged], ended: dict[str, float]
) -> list[str]:
    found = []
    for e in delivered:
        dispatch = let_out.get(e.record)
        if dispatch is None:
            found.append(f"{e.record} was delivered and no ai.dispatch says so")
        elif e.at - ended.get(dispatch.consent, e.at) > GRACE_SECONDS:
            found.append(
                f"{e.record} was delivered long after the withdrawal of {dispatch.consent}"
            )
    return found
