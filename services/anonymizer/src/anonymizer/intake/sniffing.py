"""What a file is, by its content: names and declared types lie."""

import io
import zipfile
from typing import Final

import puremagic

from anonymizer.intake.rules import ReadingLimits, RefusedFile, too_large, unreadable

PDF: Final = "application/pdf"
DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT: Final = "application/vnd.oasis.opendocument.text"
TEXT: Final = "text/plain"

_COMPOUND_FILE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_READABLE = "Send the document as PDF, DOCX, ODT or plain text."
_MAX_CONTROL_SHARE = 0.01


def media_type(content: bytes, limits: ReadingLimits) -> str:
    """Return the media type of a file that we can read.

    Raises:
        RefusedFile: empty, too large, encrypted, broken or of another type.
    """
    if not content.strip(b"\x00 \t\r\n"):
        raise RefusedFile("empty_document", "The file is empty. Send the document itself.")
    if len(content) > limits.max_bytes:
        raise too_large(f"more than {limits.max_bytes // (1024 * 1024)} MB")
    if b"%PDF-" in content[:1024]:
        return PDF
    if content.startswith(b"PK\x03\x04"):
        return _archive_type(content, limits)
    if content.startswith(_COMPOUND_FILE):
        raise _compound_refusal(content)
    if looks_like_text(content):
        return TEXT
    raise RefusedFile("media_type", f"This is {_guess(content)}. {_READABLE}")


def looks_like_text(content: bytes) -> bool:
    """Say whether the bytes read as text in an usual encoding."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf")):
        return True
    controls = sum(content.count(bytes([code])) for code in (*range(9), *range(14, 32)))
    return controls <= len(content) * _MAX_CONTROL_SHARE and b"\x00" not in content


def _compound_refusal(content: bytes) -> RefusedFile:
    if _ENCRYPTED_PACKAGE in content:
        return RefusedFile(
            "encrypted_document", "The document asks for a password. Send it without one."
        )
    return RefusedFile("media_type", f"This is an old Office file. {_READABLE}")


def _guess(content: bytes) -> str:
    try:
        return puremagic.from_string(content, mime=True) or "an unknown type"
    except (puremagic.PureError, ValueError, OSError):
        return "an unknown type"


def _archive_type(content: bytes, limits: ReadingLimits) -> str:
    with open_archive(content, limits) as archive:
        names = set(archive.namelist())
        if {"[Content_Types].xml", "word/document.xml"} <= names:
            return DOCX
        if "content.xml" in names and _declared(archive).startswith(ODT):
            if b"encryption-data" in _manifest(archive):
                raise RefusedFile(
                    "encrypted_document", "The document asks for a password. Send it without one."
                )
            return ODT
    raise RefusedFile("media_type", f"This is an archive of another kind. {_READABLE}")


def _declared(archive: zipfile.ZipFile) -> str:
    if "mimetype" not in archive.namelist():
        return ""
    with archive.open("mimetype") as entry:
        return entry.read(200).decode("ascii", "replace")


def _manifest(archive: zipfile.ZipFile) -> bytes:
    if "META-INF/manifest.xml" not in archive.namelist():
        return b""
    with archive.open("META-INF/manifest.xml") as entry:
        return entry.read(1_000_000)


def open_archive(content: bytes, limits: ReadingLimits) -> zipfile.ZipFile:
    """Open a zip archive whose declared sizes stay within the limits.

    Raises:
        RefusedFile: broken, encrypted, or an archive that swells.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise unreadable("The file is damaged or cut off.") from error
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise RefusedFile(
            "encrypted_document", "The document asks for a password. Send it without one."
        )
    swollen = sum(entry.file_size for entry in entries)
    if len(entries) > limits.max_archive_entries or swollen > limits.max_archive_bytes:
        raise too_large("too much packed content")
    if swollen > len(content) * limits.max_archive_ratio:
        raise too_large("an improbable compression ratio")
    return archive
