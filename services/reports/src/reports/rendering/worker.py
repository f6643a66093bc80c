"""`python -m reports.rendering.worker`: renders in a process of its own.

It reads one request a line from standard input (`{"formats": […], "report": {…}}`, or
`{"register": {…}}`) and answers one line of lengths followed by the bytes. It has no database, no
keys and no settings; it ends with its standard input, so it never outlives the service.
"""

import json
import resource
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from reports.register.document import Register
from reports.register.printing import render_register
from reports.rendering.formats import FORMATS, render
from reports.synthesis.document import Report

ADDRESS_SPACE = 2 * 1024**3


def main() -> None:
    """Answer requests until there are no more."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    serve(sys.stdin.buffer, sys.stdout.buffer)


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answer each line of `requests` on `answers`."""
    for line in requests:
        head, files = _answer(line)
        answers.write(json.dumps(head).encode() + b"\n")
        answers.writelines(files)
        answers.flush()


def _answer(line: bytes) -> tuple[dict[str, object], list[bytes]]:
    try:
        files = _files(json.loads(line))
    except Exception as failure:  # noqa: BLE001 - the class only: a message can quote the person
        return {"failed": type(failure).__name__, "place": _place(failure)}, []
    return {"lengths": [len(content) for content in files]}, files


def _files(asked: dict[str, Any]) -> list[bytes]:
    if "register" in asked:
        return [render_register(Register.model_validate(asked["register"]))]
    report = Report.model_validate(asked["report"])
    return [render(report, known) for known in FORMATS if known in asked["formats"]]


def _place(failure: Exception) -> str:
    frames = traceback.extract_tb(failure.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


if __name__ == "__main__":
    main()
