"""PDF by pypdfium2: every character with its box, and a look at the page as it shows.

What counts as hidden is decided on the rendered page, not on colours in the file: a word whose
box shows nothing but ground is hidden, whatever trick did it (white on white, under an image, in
a layer that is off). Scanned pages go to OCR.
"""

import ctypes
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import pypdfium2 as pdfium
from pypdfium2 import raw

from anonymizer.intake import layout, ocr
from anonymizer.intake.cleaning import clean, is_invisible
from anonymizer.intake.rules import (
    HiddenText,
    Reading,
    ReadingLimits,
    RefusedFile,
    too_large,
    unreadable,
)
from anonymizer.intake.sniffing import PDF

_TINY_POINTS = 2.0
_RENDER_SCALE = 2.0
_MAX_RENDER_PIXELS = 8_000_000
_CONTRAST = 10  # of 255: less is not seen on paper or screen
_MAX_PAGE_CHARACTERS = 100_000
_SCAN_CHARACTERS = 20
_PASSWORD_ERROR = 4


@dataclass(slots=True)
class _Glyphs:
    """The characters of one word while they are collected."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    size: float

    def add(self, other: "_Glyphs") -> None:
        self.text += other.text
        self.left, self.right = min(self.left, other.left), max(self.right, other.right)
        self.bottom, self.top = min(self.bottom, other.bottom), max(self.top, other.top)


def read(content: bytes, limits: ReadingLimits) -> Reading:
    """Read a PDF.

    Raises:
        RefusedFile: encrypted, damaged, too long, or scanned where no OCR is installed.
    """
    document = _open(content)
    try:
        pages = len(document)
        if pages > limits.max_pages:
            raise too_large(f"{pages} pages; at most {limits.max_pages} are read")
        texts: list[str] = []
        hidden: list[HiddenText] = []
        scanned = False
        for number in range(pages):
            page = _Page(_page(document, number), number + 1)
            text = page.text(hidden)
            if len(text) < _SCAN_CHARACTERS and page.has_image():
                text, scanned = ocr.read(page.portable_pixmap()), True
            texts.append(text)
        return Reading(PDF, "\n\n".join(texts), pages, scanned, tuple(hidden), _metadata(document))
    finally:
        document.close()


def _open(content: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(content)
    except pdfium.PdfiumError as error:
        if raw.FPDF_GetLastError() == _PASSWORD_ERROR or b"/Encrypt" in content:
            raise RefusedFile(
                "encrypted_document", "The document asks for a password. Send it without one."
            ) from error
        raise unreadable("The PDF is damaged or cut off.") from error


def _page(document: pdfium.PdfDocument, number: int) -> pdfium.PdfPage:
    try:
        return document[number]
    except pdfium.PdfiumError as error:
        raise unreadable(f"Page {number + 1} of the PDF is damaged.") from error


def _metadata(document: pdfium.PdfDocument) -> dict[str, str]:
    found = document.get_metadata_dict(skip_empty=True)
    return {key.lower(): str(value)[:500] for key, value in found.items()}


class _Page:
    def __init__(self, page: pdfium.PdfPage, number: int) -> None:
        self._page = page
        self._number = number
        self._box = page.get_cropbox()

    def text(self, hidden: list[HiddenText]) -> str:
        """Return what the page shows, in reading order; add what it hides to `hidden`."""
        shown: list[_Glyphs] = []
        concealed: list[tuple[str, str]] = []
        picture = _Picture(self._page, self._box)
        for word in self._words():
            kind = self._why_hidden(word, picture)
            if kind is None:
                shown.append(word)
            else:
                concealed.append((kind, word.text))
        hidden.extend(_joined(concealed, self._number))
        usual = statistics.median(word.size for word in shown) if shown else 1.0
        ordered = layout.text_of([self._placed(word) for word in shown], usual)
        text, more = clean(ordered, self._number)
        hidden.extend(more)
        return text

    def has_image(self) -> bool:
        return any(True for _ in self._page.get_objects([raw.FPDF_PAGEOBJ_IMAGE], max_depth=3))

    def portable_pixmap(self) -> bytes:
        """Return the page at about 200 dots an inch, as a grey PGM file."""
        width, height = self._page.get_size()
        scale = min(200 / 72, math.sqrt(_MAX_RENDER_PIXELS / max(width * height, 1.0)))
        bitmap = self._page.render(scale=scale, grayscale=True)
        rows = _rows(bitmap)
        return b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)

    def _placed(self, word: _Glyphs) -> layout.Word:
        top = self._box[3]
        return layout.Word(word.text, word.left, top - word.top, word.right, top - word.bottom)

    def _why_hidden(self, word: _Glyphs, picture: "_Picture") -> str | None:
        if word.size < _TINY_POINTS:
            return "tiny"
        left, bottom, right, top = self._box
        x, y = (word.left + word.right) / 2, (word.bottom + word.top) / 2
        if not (left <= x <= right and bottom <= y <= top):
            return "off_page"
        return None if picture.shows(word) else "same_colour"

    def _words(self) -> Iterator[_Glyphs]:
        """Yield words; a new one starts at a space, a wide gap or another line."""
        current: _Glyphs | None = None
        for glyph in self._glyphs():
            if current is not None and (glyph is None or _breaks(current, glyph)):
                yield current
                current = None
            if glyph is not None and current is None:
                current = glyph
            elif glyph is not None and current is not None:
                current.add(glyph)
        if current is not None:
            yield current

    def _glyphs(self) -> Iterator[_Glyphs | None]:
        """Yield the characters in file order; None stands for white space."""
        textpage = self._page.get_textpage()
        count = textpage.count_chars()
        if count > _MAX_PAGE_CHARACTERS:
            raise too_large("a page with too much text")
        left, right, bottom, top = (ctypes.c_double() for _ in range(4))
        for index in range(count):
            code = raw.FPDFText_GetUnicode(textpage, index)
            character = chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else " "  # noqa: PLR2004
            # PDFium turns a hyphen at the end of a line into U+0002.
            character = "-" if character in "\x02\ufffe" else character
            if character.isspace() or (ord(character) < 32 and character != "\x02"):  # noqa: PLR2004
                yield None
                continue
            ok = raw.FPDFText_GetCharBox(textpage, index, left, right, bottom, top)
            if not ok and not is_invisible(character):
                yield None
                continue
            size = _visual_size(textpage, index)
            yield _Glyphs(character, left.value, bottom.value, right.value, top.value, size)


def _visual_size(textpage: pdfium.PdfTextPage, index: int) -> float:
    matrix = raw.FS_MATRIX()
    size = float(raw.FPDFText_GetFontSize(textpage, index))
    if raw.FPDFText_GetMatrix(textpage, index, matrix):
        return size * math.hypot(matrix.c, matrix.d)
    return size


def _breaks(word: _Glyphs, glyph: _Glyphs) -> bool:
    height = max(word.top - word.bottom, glyph.top - glyph.bottom, 1.0)
    if not 0.5 < (glyph.size or 1.0) / (word.size or 1.0) < 2:  # noqa: PLR2004 - another kind of text
        return True
    if glyph.bottom > word.top or glyph.top < word.bottom - 0.3 * height:
        return True
    return glyph.left - word.right > 0.6 * height or glyph.left < word.left - height


def _joined(concealed: list[tuple[str, str]], page: int) -> Iterator[HiddenText]:
    """Put consecutive hidden words of one kind together, as they were written."""
    words: list[str] = []
    kind = ""
    for this, text in concealed:
        if this != kind and words:
            yield HiddenText(kind, " ".join(words), page)
            words = []
        kind = this
        words.append(text)
    if words:
        yield HiddenText(kind, " ".join(words), page)


def _rows(bitmap: pdfium.PdfBitmap) -> list[bytes]:
    buffer = bytes(bitmap.buffer)
    stride = bitmap.stride
    return [buffer[y * stride : y * stride + bitmap.width] for y in range(bitmap.height)]


class _Picture:
    """The page in greys, to see what is seen."""

    def __init__(self, page: pdfium.PdfPage, box: tuple[float, float, float, float]) -> None:
        width, height = max(box[2] - box[0], 1.0), max(box[3] - box[1], 1.0)
        self._scale = min(_RENDER_SCALE, math.sqrt(_MAX_RENDER_PIXELS / (width * height)))
        self._box = box
        self._turned = page.get_rotation() != 0
        self._rows = _rows(page.render(scale=self._scale, grayscale=True))

    def shows(self, word: _Glyphs) -> bool:
        """Say whether the word's place shows anything but ground."""
        letters = sum(c.isalnum() for c in word.text)
        if self._turned or letters == 0:
            return True
        # The box of a lone "l" can be all ink: give it some ground. Elsewhere the tight box is
        # safer, because the neighbours' ink would pass for the word's own.
        return self._contrast(word, margin=1.5 if letters == 1 else 0.0) >= _CONTRAST

    def _contrast(self, word: _Glyphs, margin: float) -> int:
        scale, (left, _, _, top) = self._scale, self._box
        x0 = max(int((word.left - left - margin) * scale), 0)
        x1 = max(int((word.right - left + margin) * scale) + 1, x0 + 1)
        y0 = max(int((top - word.top - margin) * scale), 0)
        y1 = max(int((top - word.bottom + margin) * scale) + 1, y0 + 1)
        rows = [row[x0:x1] for row in self._rows[y0:y1]]
        rows = [row for row in rows if row]
        if not rows:
            return 0
        return max(map(max, rows)) - min(map(min, rows))
