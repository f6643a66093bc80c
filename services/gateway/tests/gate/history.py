"""A checker of histories: whether what was seen from outside can be what a gate that holds did.

It knows nothing of the gateway. A history is what three witnesses saw: the model double (what was
received, and when), whoever withdrew (when that was acknowledged), and the public order of the log.

A dispatch starts when its record is committed. The records of one consent are committed in the
order of the log, and a withdrawal is acknowledged after its own: what stands before it in the log
started before it was acknowledged, and anything else after, with no tolerance. How late the bytes
of a dispatch that started in time may still arrive is another question: `lateness`.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

GRACE_SECONDS = 1.0
"""How long after an acknowledgement its caller may hold an answer that was given before it."""
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
    """An attempt that reached the model: the record that its pass names, and when its last byte came."""

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
    let_out = _let_out(log)
    return [
        *_out_of_order(log),
        *_not_acknowledged_in_the_log(log, ended),
        *_without_record(received, let_out),
        *started_late(events),
        *_not_closed_once(log, let_out),
        *_delivered_late(delivered, let_out, log, ended),
    ]


def _withdrawn_at(log: list[Logged]) -> dict[str, int]:
    return {e.consent: e.index for e in log if e.kind == "consent.revoked"}


def _let_out(log: list[Logged]) -> dict[str, Logged]:
    return {e.record: e for e in log if e.kind == "ai.dispatch"}


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


def started_late(history: Iterable[Event]) -> list[str]:
    """Name each dispatch that reached the model and started after its withdrawal."""
    events = list(history)
    log = sorted((e for e in events if isinstance(e, Logged)), key=lambda e: e.index)
    withdrawn, let_out = _withdrawn_at(log), _let_out(log)
    reached = {e.record for e in events if isinstance(e, Received)}
    return [
        f"{record} reached the model and started at {e.index}, after the withdrawal of {e.consent} at {withdrawn[e.consent]}"
        for record, e in let_out.items()
        if record in reached and e.index > withdrawn.get(e.consent, e.index)
    ]


def lateness(history: Iterable[Event]) -> list[float]:
    """Return, ascending, by how many seconds bytes came after the acknowledgement, where they did."""
    events = list(history)
    let_out = _let_out([e for e in events if isinstance(e, Logged)])
    ended = {e.consent: e.at for e in events if isinstance(e, Acknowledged)}
    found = []
    for e in events:
        if isinstance(e, Received) and e.record in let_out:
            late = e.at - ended.get(let_out[e.record].consent, e.at)
            if late > 0:
                found.append(late)
    return sorted(found)


def _not_closed_once(log: list[Logged], let_out: dict[str, Logged]) -> list[str]:
    closed = Counter(e.closes for e in log if e.kind in _CLOSING)
    return [
        f"{record} has {closed[record]} closing records"
        for record in let_out
        if closed[record] != 1
    ]


def _delivered_late(
    delivered: list[Delivered],
    let_out: dict[str, Logged],
    log: list[Logged],
    ended: dict[str, float],
) -> list[str]:
    found = []
    results = {e.closes for e in log if e.kind == "ai.result"}
    for e in delivered:
        dispatch = let_out.get(e.record)
        if dispatch is None:
            found.append(f"{e.record} was delivered and no ai.dispatch says so")
        elif e.record not in results:
            found.append(f"{e.record} was delivered and no ai.result says so")
        elif e.at - ended.get(dispatch.consent, e.at) > GRACE_SECONDS:
            found.append(
                f"{e.record} was delivered long after the withdrawal of {dispatch.consent}"
            )
    return found
