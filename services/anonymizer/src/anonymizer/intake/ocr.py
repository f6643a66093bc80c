"""Scanned pages by tesseract in French, where it is installed."""

import os
import re
import shutil
import subprocess

from anonymizer.intake.rules import RefusedFile

# What tesseract makes of a round bullet at the start of a line.
_BULLET = re.compile(r"^[.+«»*°¢©®¤] +(?=\S)", re.MULTILINE)
_PACKAGES = "tesseract-ocr and tesseract-ocr-fra"


def _program() -> str:
    program = shutil.which("tesseract")
    if program is None:
        raise RefusedFile(
            "ocr_unavailable",
            f"The document is a scan and no OCR is installed here. Install the Debian packages "
            f"{_PACKAGES}, or send the document as text.",
        )
    return program


def read(picture: bytes) -> str:
    """Return the text of one page, given as an image file that tesseract knows.

    Raises:
        RefusedFile: tesseract or its French model is missing, or gave up.
    """
    # `OMP_THREAD_LIMIT`: several threads on one page cost more than they bring.
    environment = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    done = subprocess.run(  # noqa: S603 - fixed arguments, the picture goes by standard input
        [_program(), "stdin", "stdout", "-l", "fra", "--dpi", "200", "--psm", "3"],
        input=picture,
        capture_output=True,
        check=False,
        env=environment,
    )
    if done.returncode == 0:
        return _BULLET.sub("• ", done.stdout.decode("utf-8", "replace")).strip()
    if b"fra" in done.stderr and b"load" in done.stderr:
        raise RefusedFile(
            "ocr_unavailable",
            f"The OCR installed here knows no French. Install the Debian packages {_PACKAGES}.",
        )
    raise RefusedFile(
        "unreadable_document", "The scanned page could not be read. Send a clearer copy."
    )
