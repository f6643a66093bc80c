"""What happened, for people and programs: each step with its time, its ids and its outcome."""

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from demo.stops import Stop
from demo.terminal import Terminal

FILES = (
    "synthesis.pdf",
    "synthesis.docx",
    "synthesis.html",
    "synthesis.json",
    "pseudonymised.txt",
    "sent-to-model.txt",
    "consent-receipt.json",
    "records.json",
    "checkpoint.txt",
    "summary.json",
)
"""Everything that the demo leaves in its folder."""


class NotHeld(Stop):
    """Something that the demo claims was not so."""


class NoFolder(Stop):
    """The folder for the results cannot be used; the message says why."""


@dataclass(slots=True)
class Step:
    """One of the seven steps."""

    number: int
    what: str
    milliseconds: int = 0
    ids: dict[str, str] = field(default_factory=dict)
    outcome: str = "not finished"
    held: bool = False
    claims: list[str] = field(default_factory=list)
    measures: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the step as summary.json has it."""
        return {
            "step": self.number,
            "what": self.what,
            "milliseconds": self.milliseconds,
            "ids": self.ids,
            "outcome": self.outcome,
            "held": self.held,
            "claims": self.claims,
            "measures": self.measures,
        }


@dataclass(slots=True)
class Story:
    """Tells the demo as it goes, and remembers it."""

    terminal: Terminal
    out: Path
    steps: list[Step] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    @contextmanager
    def step(self, what: str) -> Iterator[Step]:
        """Play one step; what goes wrong in it becomes its outcome."""
        step = Step(len(self.steps) + 1, what)
        self.steps.append(step)
        self.terminal.heading(step.number, what)
        began = time.perf_counter()
        try:
            yield step
            step.held = True
        except BaseException as failure:
            step.outcome = f"failed: {failure or type(failure).__name__}"
            raise
        finally:
            step.milliseconds = _since(began)

    @contextmanager
    def act(self, done: str, measure: str | None = None) -> Iterator[list[str]]:
        """Time one act of the step under way. What is appended is told after `done`."""
        began, more = time.perf_counter(), list[str]()
        yield more
        milliseconds = _since(began)
        if measure:
            self.steps[-1].measures[measure] = milliseconds
        self.terminal.done(" ".join([done, *more]), milliseconds)

    def hold(self, so: object, claim: str) -> None:
        """Make sure of a claim, say it, remember it.

        Raises:
            NotHeld: it is not so.
        """
        if not so:
            self.terminal.refused(claim)
            raise NotHeld(f"this did not hold: {claim}")
        self.steps[-1].claims.append(claim)
        self.terminal.done(claim)

    def keep(self, name: str, content: bytes | str) -> None:
        """Leave a file in the folder of results."""
        (self.out / name).write_bytes(content.encode() if isinstance(content, str) else content)

    def keep_json(self, name: str, value: object) -> None:
        """Leave a JSON file in the folder of results."""
        self.keep(name, json.dumps(value, ensure_ascii=False, indent=1) + "\n")

    def conclude(self, *, steps_planned: int) -> bool:
        """Write summary.json and return whether every step held."""
        held = len(self.steps) == steps_planned and all(step.held for step in self.steps)
        self.keep_json(
            "summary.json",
            {
                "verdict": "held" if held else "failed",
                **self.about,
                "milliseconds": sum(step.milliseconds for step in self.steps),
                "steps": [step.as_json() for step in self.steps],
                "files": _files(self.out),
            },
        )
        return held


def prepare(out: Path) -> Path:
    """Make the folder of results and take away what an earlier demo left there.

    Raises:
        NoFolder: it cannot be made or written.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (*FILES, "platform.log"):
            with suppress(FileNotFoundError):
                (out / name).unlink()
        probe = out / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise NoFolder(
            f"The folder for the results, {out}, cannot be written ({error.strerror}). "
            "Choose another one: make demo OUT=folder."
        ) from None
    return out


def _files(out: Path) -> list[Mapping[str, Any]]:
    contents = {n: (out / n).read_bytes() for n in FILES if (out / n).exists()}
    contents.pop("summary.json", None)
    return [
        {"name": name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        for name, content in contents.items()
    ]


def _since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
