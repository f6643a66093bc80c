"""The words of texts that were read, forgotten again: spaCy keeps each new one for ever.

A language's memory zone holds the words that are new since it was opened; closing it frees them.
Opening one for each text would look common words up anew each time, so one serves some hundred.
Nothing that spaCy made inside it may be used after it: one text is read at a time.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from threading import Lock

from spacy.language import Language

_TEXTS = 200


@dataclass(slots=True)
class PassingWords:
    """Lets one text at a time be read, and forgets their words after every `_TEXTS`."""

    language: Language
    _turn: Lock = field(default_factory=Lock)
    _zone: ExitStack = field(default_factory=ExitStack)
    _read: int = 0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until nobody reads, and read."""
        with self._turn:
            if self._read % _TEXTS == 0:
                self._zone.close()
                self._zone.enter_context(self.language.memory_zone())
            self._read += 1
            yield
