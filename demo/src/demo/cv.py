"""The CV to play with: the one written for the repository, or somebody's own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from demo.stops import Stop

DEFAULT = Path(__file__).parents[2] / "cv" / "gaelle-morvandeau.pdf"
_MOST_BYTES = 200_000_000


class CvRefused(Stop):
    """The file is not there, or cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cv:
    """A CV as a file, and what is known of it where we wrote it ourselves."""

    path: Path
    content: bytes = field(repr=False)
    about: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path | None) -> Self:
        """Read a file; what it holds is the platform's business.

        Raises:
            CvRefused: no such file, or no right to read it.
        """
        chosen = path or DEFAULT
        try:
            if chosen.stat().st_size > _MOST_BYTES:
                raise CvRefused(f"{chosen} is larger than {_MOST_BYTES // 1_000_000} MB.")
            content = chosen.read_bytes()
        except OSError as error:
            raise CvRefused(
                f"The CV {chosen} cannot be read ({error.strerror}). Give a PDF, DOCX, ODT or "
                "text file: make demo CV=path."
            ) from None
        return cls(chosen, content, _about(chosen))

    @property
    def identifiers(self) -> list[str]:
        """Return what must never reach a model, where we know it without asking anybody."""
        return list(self.about.get("identifiers", ()))

    @property
    def special_words(self) -> list[str]:
        """Return words of the special categories that the CV was written with."""
        return [word for entry in self.about.get("special", ()) for word in entry["words"]]


def _about(path: Path) -> Mapping[str, Any]:
    file = path.with_suffix(".about.json")
    if path.resolve() != DEFAULT.resolve() or not file.exists():
        return {}
    found: Mapping[str, Any] = json.loads(file.read_text("utf-8"))
    return found
