"""`python -m reports.rendering.worker`: renders in a process of its own.

It reads one request a line from standard input (`{"formats": […], "report": {…}}`) and answers one
line of lengths followed by the bytes. It has no database, no keys and no settings; it ends with
its standard input, so it never outlives the service.
"""

import json
import resource
import sys
import traceback
from pathlib import Path
from typing import BinaryIO

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
        asked = json.loads(line)
        report = Report.model_validate(asked["report"])
        files = [render(report, known) for known in FORMATS if known in asked["formats"]]
    except Exception as failure:  # noqa: BLE001 - the class only: a message can quote the person
        return {"failed": type(failure).__name__, "place": _place(failure)}, []
    return {"lengths": [len(content) for content in files]}, files


def _place(failure: Exception) -> str:
    frames = traceback.extract_tb(failure.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


if __name__ == "__main__":
    main()
