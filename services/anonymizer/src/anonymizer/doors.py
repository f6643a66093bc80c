"""The command line: the service's verbs, and doors through which its work can be measured.

Doors read files or JSON Lines and write JSON Lines; they need no database, key or network.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anonymizer.app import create_app, document
from anonymizer.detection.examiner import Examination
from anonymizer.detection.rules import Hints
from anonymizer.detection.service import MODELS, Detector
from anonymizer.intake.work import read_to_json
from anonymizer.outline.rules import outline
from anonymizer.outline.views import Outline
from anonymizer.restoration.rules import Restorer, restore
from anonymizer.settings import Settings
from anonymizer.special.rules import special_statements
from anonymizer.surrogates.rules import Secret, SurrogateType
from anonymizer.surrogates.service import plan_of
from keel.commands import Service, Verb
from keel.commands import main as run_command

_HINTS = frozenset(("first_name", "last_name", "email", "employer", "city"))


def _write(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _read(files: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in files:
        yield path, json.loads(read_to_json(path.read_bytes()))


def _extract(arguments: argparse.Namespace) -> int:
    for path, found in _read(arguments.files):
        if "refused" in found:
            _write({"file": str(path), "problem": found["refused"]})
            continue
        reading = found["reading"]
        _write({"file": str(path), **reading, "hidden_text": reading.pop("hidden")})
    return 0


def _outline(arguments: argparse.Namespace) -> int:
    for path, found in _read(arguments.files):
        if "refused" in found:
            _write({"file": str(path), "problem": found["refused"]})
            continue
        view = Outline.of(path.name, outline(found["reading"]["text"]))
        _write({"file": str(path), **view.model_dump(by_alias=True)})
    return 0


def _lines() -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in sys.stdin if line.strip())


def _hints(line: Mapping[str, Any]) -> Hints:
    given = line.get("hints") or {}
    return Hints(**{name: value for name, value in given.items() if name in _HINTS})


def _detect(arguments: argparse.Namespace) -> int:
    detector = Detector.load(arguments.model)
    for line in _lines():
        entities = [asdict(finding) for finding in detector.find(line["text"], _hints(line))]
        if not arguments.explain:
            entities = [{key: e[key] for key in ("start", "end", "label")} for e in entities]
        sensitive = [asdict(statement) for statement in special_statements(line["text"])]
        _write({"id": line["id"], "entities": entities, "sensitive": sensitive})
    return 0


class _Space:
    """The surrogates of one trial, kept in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        held = json.loads(path.read_text("utf-8")) if path.exists() else []
        self._numbers: dict[Secret, int] = {
            Secret(SurrogateType(t), value): n for t, n, value in held
        }

    def number(self, secret: Secret) -> int:
        if secret not in self._numbers:
            last = [n for known, n in self._numbers.items() if known.type is secret.type]
            self._numbers[secret] = max(last, default=0) + 1
        number: int = self._numbers[secret]
        return number

    @property
    def originals(self) -> dict[str, str]:
        return {f"{secret.type}_{n}": secret.value for secret, n in self._numbers.items()}

    def save(self) -> None:
        rows = [[secret.type, n, secret.value] for secret, n in self._numbers.items()]
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(rows, file)


def _pseudonymise(arguments: argparse.Namespace) -> int:
    detector, space = Detector.load(arguments.model), _Space(arguments.space)
    for line in _lines():
        text = line["text"]
        statements = () if arguments.keep_special else tuple(special_statements(text))
        found = Examination(text, tuple(detector.find(text, _hints(line))), statements)
        _write({"id": line["id"], "text": plan_of(found).render(space.number)})
    space.save()
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    originals = _Space(arguments.space).originals
    for line in _lines():
        if arguments.stream:
            stream = Restorer(originals)
            chunks = [stream.feed(chunk) for chunk in line["chunks"]] + [stream.finish()]
            _write({"id": line["id"], "chunks": chunks, "unknown": list(stream.unknown)})
        else:
            text, unknown = restore(line["text"], originals)
            _write({"id": line["id"], "text": text, "unknown": unknown})
    return 0


def _files(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("files", nargs="+", type=Path)


def _model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--model", choices=sorted(MODELS), default="md")


def _detect_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    parser.add_argument("--explain", action="store_true", help="add the rule and its score")


def _space(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--space", type=Path, required=True, help="file of the surrogates")


def _pseudonymise_arguments(parser: argparse.ArgumentParser) -> None:
    _model(parser)
    _space(parser)
    parser.add_argument("--keep-special", action="store_true", help="remove no statement")


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _space(parser)
    parser.add_argument("--stream", action="store_true", help="text arrives in `chunks`")


SERVICE = Service(
    package="anonymizer",
    settings=Settings,
    create_app=create_app,
    document=document,
    verbs=(
        Verb("extract", "read files: a JSON line each", _extract, _files),
        Verb("outline", "outline CVs: a JSON line each", _outline, _files),
        Verb("detect", "find what identifies somebody", _detect, _detect_arguments),
        Verb("pseudonymise", "put surrogates in texts", _pseudonymise, _pseudonymise_arguments),
        Verb("restore", "put the originals back", _restore, _restore_arguments),
        Verb("work", "read files for the service (see `work --help`)", lambda _: 2),
    ),
)


def main() -> int:
    """Run one verb."""
    return run_command(SERVICE)
