"""One file in, one reading out: the only place that knows all the formats."""

from dataclasses import replace

from anonymizer.intake import cleaning, docx, odt, pdf, plain, sniffing
from anonymizer.intake.rules import Reading, ReadingLimits, RefusedFile, too_large


def read(content: bytes, limits: ReadingLimits) -> Reading:
    """Read a file of any kind that we know, within the limits.

    Raises:
        RefusedFile: with the code and detail of the problem to answer.
    """
    kind = sniffing.media_type(content, limits)
    if kind == sniffing.PDF:
        reading = pdf.read(content, limits)
    elif kind == sniffing.TEXT:
        reading = plain.read(content)
    else:
        with sniffing.open_archive(content, limits) as archive:
            reading = docx.read(archive) if kind == sniffing.DOCX else odt.read(archive)
    text, found = cleaning.clean(reading.text)
    if not text:
        raise RefusedFile("empty_document", "The document shows no text. Send another one.")
    if len(text) > limits.max_characters:
        raise too_large(f"more than {limits.max_characters} characters")
    return replace(reading, text=text, hidden=(*reading.hidden, *found))
