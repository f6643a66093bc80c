"""What a person sees while the demo plays: plain lines, also without a terminal."""

import os
import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Self

from demo.side_by_side import Row, padded, places, wrapped

_WIDEST = 120
_NARROWEST = 40
_BOLD, _DIM, _GREEN, _RED, _YELLOW = "1", "2", "32", "31", "33"


@dataclass(frozen=True, slots=True)
class Terminal:
    """Somewhere to write to, so many places wide, with colours or without."""

    out: IO[str]
    width: int
    has_colours: bool

    @classmethod
    def of(cls, out: IO[str], environment: Mapping[str, str] = os.environ) -> Self:
        """Look at a stream: how wide it is, whether a person reads colours there."""
        width = shutil.get_terminal_size(fallback=(80, 24)).columns
        is_screen = out.isatty() and environment.get("TERM", "dumb") != "dumb"
        return cls(
            out,
            width=max(_NARROWEST, min(_WIDEST, width)),
            has_colours=is_screen and not environment.get("NO_COLOR"),
        )

    def line(self, text: str = "") -> None:
        """Write one line as it is. Where nobody reads any more, the demo plays on in silence."""
        try:
            print(text, file=self.out, flush=True)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.out.fileno())

    def title(self, text: str) -> None:
        """Begin the whole."""
        self.line()
        self.line(self._in(_BOLD, text))
        self.line("═" * min(self.width, places(text)))

    def heading(self, number: int, text: str) -> None:
        """Begin a step."""
        self.line()
        for index, part in enumerate(wrapped(text, self.width - 4)):
            self.line(self._in(_BOLD, f"{f'{number}.' if not index else '':<4}{part}"))

    def say(self, text: str, *, indent: int = 4) -> None:
        """Write a paragraph, wrapped."""
        for part in text.split("\n"):
            for told in wrapped(part, self.width - indent):
                self.line(" " * indent + told)

    def done(self, text: str, milliseconds: int | None = None) -> None:
        """Tell that something was done, and how long it took."""
        time = "" if milliseconds is None else f"{milliseconds} ms"
        room = self.width - 6 - (len(time) + 2 if time else 0)
        first, *rest = wrapped(text, room)
        told = f"{padded(first, room)}  {self._in(_DIM, time)}" if time else first
        self.line(f"  {self._in(_GREEN, '✓')} {told.rstrip()}")
        for part in rest:
            self.line(f"    {part}")

    def refused(self, text: str) -> None:
        """Tell what did not hold."""
        self._marked(_RED, "✗", text)

    def noted(self, text: str) -> None:
        """Tell something to look at."""
        self._marked(_YELLOW, "!", text)

    def _marked(self, colour: str, sign: str, text: str) -> None:
        lines = [part for told in text.split("\n") for part in wrapped(told, self.width - 4)]
        for index, part in enumerate(lines):
            self.line(f"  {self._in(colour, sign) if not index else ' '} {part}")

    def facts(self, facts: Sequence[tuple[str, str]]) -> None:
        """Write names and values in two columns."""
        column = max((places(name) for name, _ in facts), default=0) + 2
        room = max(_NARROWEST // 2, self.width - 4 - column)
        for name, value in facts:
            for index, part in enumerate(wrapped(value, room)):
                self.line(f"    {self._in(_DIM, padded('' if index else name, column))}{part}")

    def quoted(self, text: str) -> None:
        """Write French content that a person would read on a screen."""
        for part in wrapped(text, self.width - 8):
            self.line(f"      {self._in(_DIM, '│')} {part}".rstrip())

    def side_by_side(self, rows: Sequence[Row], *, heads: tuple[str, str]) -> None:
        """Show two columns; a changed row has an arrow between them."""
        column = (self.width - 3) // 2
        rule = "─" * column
        self.line(self._in(_BOLD, f"{padded(heads[0], column)} │ {heads[1]}"))
        self.line(f"{rule}─┼─{rule}")
        for row in rows:
            middle = self._in(_YELLOW, "▸") if row.changed else "│"
            after = self._in(_YELLOW, row.after) if row.changed else row.after
            self.line(f"{row.before} {middle} {after}".rstrip())
        self.line(f"{rule}─┴─{rule}")

    def exact(self, head: str, body: bytes) -> None:
        """Write the bytes of a request as they are, between two rules."""
        self.line(self._in(_DIM, textwrap.shorten(head, self.width - 6).center(self.width, "─")))
        self.line(body.decode(errors="backslashreplace"))
        self.line(self._in(_DIM, "─" * self.width))

    def _in(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.has_colours and text else text
