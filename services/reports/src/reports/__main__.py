"""`python -m reports serve | migrate | openapi | render | rotate-keys`."""

import argparse
import json
import sys
from pathlib import Path

from pydantic import ValidationError

from keel.commands import REFUSED, Service, Verb, main
from keel.rewrapping import Wrapped, print_rewrapped
from keel.sealing import KeyEncryptionKey
from reports.app import create_app, document
from reports.rendering.formats import FORMATS, render
from reports.settings import Settings
from reports.synthesis.document import Report
from reports.tables import ContentKey


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("file", nargs="?", type=Path, help="a report as JSON (default: stdin)")


def _render(arguments: argparse.Namespace) -> int:
    try:
        given = arguments.file.read_bytes() if arguments.file else sys.stdin.buffer.read()
        report = read_report(given)
    except (OSError, ValueError) as refusal:
        reason = refusal.strerror if isinstance(refusal, OSError) else _where(refusal)
        print(f"reports: this is no report: {reason}", file=sys.stderr)  # noqa: T201 - an operator reads it
        return REFUSED
    sys.stdout.buffer.write(render(report, arguments.format))
    return 0


def read_report(given: bytes) -> Report:
    """Read the JSON file of a report (its `marking` follows from the rest, and is made again)."""
    data = json.loads(given)
    if isinstance(data, dict):
        data.pop("marking", None)
    return Report.model_validate(data)


def _where(refusal: ValueError) -> str:
    if isinstance(refusal, ValidationError):
        first = refusal.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return "not JSON"


def _rotate_keys(_: argparse.Namespace) -> int:
    settings = Settings.read()
    kek = KeyEncryptionKey.from_file(settings.key_encryption_key_file)
    return print_rewrapped(Wrapped("reports", settings.database_url, kek, (ContentKey,)))


SERVICE = Service(
    package="reports",
    settings=Settings,
    create_app=create_app,
    document=document,
    verbs=(
        Verb("render", "write a report file in another format", _render, _arguments),
        Verb("rotate-keys", "wrap content keys under the newest key", _rotate_keys),
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
