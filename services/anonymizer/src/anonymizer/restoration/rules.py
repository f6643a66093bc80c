"""Restoring text, JSON values and streams; only what was issued is replaced.

A restored text is never read again: an original that looks like a surrogate stays as it is.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from anonymizer.restoration.grammar import HELD, MAX_FORM, TOKEN, name_of
from anonymizer.restoration.plausible import LOOKED_BACK, Plausibles

Json = str | int | float | bool | list["Json"] | dict[str, "Json"] | None


class Context(StrEnum):
    """Where the restored text stands: plain text, or the inside of JSON documents."""

    TEXT = "text"
    JSON = "json"


@dataclass(slots=True)
class Restorer:
    """Puts originals back; `originals` maps plain names (`TYPE_n`) to values as they were written.

    Feed it a text in pieces, cut anywhere: it holds back at most 64 characters, and what it
    returns in all is what it would return for the whole text at once.
    """

    originals: Mapping[str, str]
    context: Context = Context.TEXT
    plausibles: Plausibles = field(default_factory=Plausibles)
    unknown: dict[str, None] = field(default_factory=dict)
    _before: str = ""
    _held: str = ""

    def feed(self, piece: str) -> str:
        """Return what is settled once `piece` has arrived."""
        return self._settle(self._held + piece, final=False)

    def finish(self) -> str:
        """Return what was still held back; the stream is over."""
        return self._settle(self._held, final=True)

    def _settle(self, text: str, *, final: bool) -> str:
        text, at = self._before + text, len(self._before)
        settled: list[str] = []
        stop = len(text)
        while True:
            found = self._first(text, at)
            held = None if final else self._unfinished(text, max(at, len(text) - MAX_FORM))
            if found is not None and (held is None or found.start() < held):
                settled.extend((text[at : found.start()], self._original(found)))
                at = found.end()
                continue
            stop = len(text) if held is None else held
            settled.append(text[at:stop])
            break
        self._held = text[stop:]
        self._before = text[:stop][-LOOKED_BACK:]
        return "".join(settled)

    def _first(self, text: str, at: int) -> re.Match[str] | None:
        found = (TOKEN.search(text, at), self.plausibles.search(text, at))
        return min((match for match in found if match), key=lambda m: m.start(), default=None)

    def _unfinished(self, text: str, at: int) -> int | None:
        token, value = HELD.search(text, at), self.plausibles.unfinished(text, at)
        starts = [start for start in (token and token.start(), value) if start is not None]
        return min(starts, default=None)

    def _original(self, found: re.Match[str]) -> str:
        if found.re is not TOKEN:
            return self._said(self.plausibles.original(found[0]))
        name = name_of(found)
        value = self.originals.get(name)
        if value is None:
            self.unknown[f"[{name}]"] = None
            return found[0]
        return self._said(value)

    def _said(self, value: str) -> str:
        return json.dumps(value, ensure_ascii=False)[1:-1] if self.context == "json" else value


def restore(
    text: str, originals: Mapping[str, str], plausibles: Plausibles | None = None
) -> tuple[str, list[str]]:
    """Return `text` with its surrogates restored, and those that nobody issued."""
    restorer = Restorer(originals, plausibles=plausibles or Plausibles())
    restored = restorer.feed(text) + restorer.finish()
    return restored, list(restorer.unknown)


def restore_value(
    value: Json, originals: Mapping[str, str], plausibles: Plausibles | None = None
) -> tuple[Json, list[str]]:
    """Restore every string inside a JSON value (names of members stay as they are)."""
    unknown: dict[str, None] = {}

    def visit(inner: Json) -> Json:
        if isinstance(inner, str):
            restored, unissued = restore(inner, originals, plausibles)
            unknown.update(dict.fromkeys(unissued))
            return restored
        if isinstance(inner, list):
            return [visit(item) for item in inner]
        if isinstance(inner, dict):
            return {key: visit(item) for key, item in inner.items()}
        return inner

    return visit(value), list(unknown)
