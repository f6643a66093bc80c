"""Plain text in the encodings that people really send."""

from anonymizer.intake.rules import Reading
from anonymizer.intake.sniffing import TEXT


def read(content: bytes) -> Reading:
    """Decode a text file; what is not UTF-8 or UTF-16 is Windows-1252, which never fails."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = content.decode("utf-16", "replace")
    else:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = content.decode("cp1252", "replace")
    return Reading(TEXT, text, metadata={})
