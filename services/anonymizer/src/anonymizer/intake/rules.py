"""What reading a file gives: text, what was hidden in it, and reasons to refuse it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class HiddenText:
    """Text that the page does not show: never part of the text, always reported.

    `kind` is one of `same_colour`, `tiny`, `off_page`, `not_displayed`, `invisible_characters`
    and `comment`; `page` counts from 1 and is None where the format has no pages.
    """

    kind: str
    text: str
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A file as text in reading order, with its provenance."""

    media_type: str
    text: str
    pages: int | None = None
    ocr: bool = False
    hidden: tuple[HiddenText, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    def as_json(self) -> dict[str, object]:
        """Return the reading as what `json.dumps` takes."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Rebuild a reading from `as_json`."""
        hidden = tuple(HiddenText(**item) for item in data["hidden"])
        return cls(**{**data, "hidden": hidden})


class RefusedFile(Exception):  # noqa: N818 - a refusal, not an error: the file is at fault
    """The file cannot be read; `code` is the problem's code, `detail` says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        """Keep both, because the reader in the child process knows no HTTP problem."""
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one file may cost."""

    max_bytes: int = 20 * 1024 * 1024
    max_pages: int = 60
    max_characters: int = 400_000
    max_archive_bytes: int = 120 * 1024 * 1024
    max_archive_ratio: int = 200
    max_archive_entries: int = 2_000


def too_large(what: str) -> RefusedFile:
    """Return the refusal of a file that passes a limit."""
    return RefusedFile("too_large", f"The file has {what}. Send a shorter document.")


def unreadable(why: str) -> RefusedFile:
    """Return the refusal of a broken file."""
    return RefusedFile(
        "unreadable_document", f"{why} Export the document again, for example as PDF."
    )
