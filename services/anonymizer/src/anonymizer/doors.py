"""The command line: the service's verbs, and doors through which its work can be measured.

Doors read files or JSON Lines and write JSON Lines; they need no database, key or network.
What a verb alone needs is imported in it: presidio and spaCy take seconds, and `--help`,
`openapi` and `migrate` need neither.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

from anonymizer.detection.rules import MODELS, Hints
from anonymizer.problems import PolicyNotAllowed
from anonymizer.restoration.plausible import Plausible, Plausibles
from anonymizer.settings import Settings
from anonymizer.special.rules import SpecialPolicy
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.people import Gender
from anonymizer.surrogates.policy import Label, Policy, Treatment
from anonymizer.surrogates.rules import Secret, Surrogate, SurrogateType, disguised, without
from keel.clock import utc_now
from keel.commands import Service, Verb
from keel.commands import main as run_command
from keel.start import StartRefused

if TYPE_CHECKING:
    from fastapi import FastAPI

    from anonymizer.detection.service import Detector

_HINTS = frozenset(("first_name", "last_name", "email", "employer", "city"))


def _write(line: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _read(files: Iterable[Path]) -> Iterator[tuple[Path, dict[str, Any]]]:
    from anonymizer.intake.work import read_to_json  # noqa: PLC0415

    for path in files:
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            yield path, {"refused": {"code": "unreadable_file", "detail": f"{reason}."}}
            continue
        yield path, json.loads(read_to_json(content))


def _extract(arguments: argparse.Namespace) -> int:
    for path, found in _read(arguments.files):
        if "refused" in found:
            _write({"file": str(path), "problem": found["refused"]})
            continue
        reading = found["reading"]
        _write({"file": str(path), **reading, "hidden_text": reading.pop("hidden")})
    return 0


def _outline(arguments: argparse.Namespace) -> int:
    from anonymizer.outline.rules import outline  # noqa: PLC0415
    from anonymizer.outline.views import Outline  # noqa: PLC0415

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


def _detector(model: str) -> "Detector":
    from anonymizer.detection.service import Detector  # noqa: PLC0415

    return Detector.load(model)


def _detect(arguments: argparse.Namespace) -> int:
    detector = _detector(arguments.model)
    for line in _lines():
        findings = detector.find(line["text"], _hints(line))
        entities = [asdict(finding) for finding in findings]
        if not arguments.explain:
            entities = [{key: e[key] for key in ("start", "end", "label")} for e in entities]
        sensitive = [asdict(statement) for statement in detector.statements(line["text"], findings)]
        _write({"id": line["id"], "entities": entities, "sensitive": sensitive})
    return 0


class _Space:
    """The surrogates of one trial, kept in a file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        held = json.loads(path.read_text("utf-8")) if path.exists() else []
        self._issued = {
            Secret(SurrogateType(kind), value): Surrogate(
                SurrogateType(kind), number, form, None if gender is None else Gender(gender)
            )
            for kind, number, form, gender, value, *_ in held
        }
        self._numbering = Numbering(self._issued)
        self._values = {
            Secret(SurrogateType(kind), value): Plausible.from_json(plausible[0])
            for kind, _, _, _, value, *plausible in held
            if plausible
        }

    def issue(self, secrets: Iterable[Secret]) -> Mapping[Secret, Surrogate]:
        self._issued |= self._numbering.issue(secrets)
        return self._issued

    def disguise(self, secrets: Iterable[Secret], text: str) -> Mapping[Secret, Plausible]:
        """Return the plausible values of secrets; none of the new ones occurs in `text`."""
        from anonymizer.surrogates.inventing import Held, Inventing  # noqa: PLC0415

        known = (Held(s, issued, self._values.get(s)) for s, issued in self._issued.items())
        inventing = Inventing(token_bytes(32), known, [text])
        for secret in secrets:
            if secret not in self._values:
                made = inventing.invent(secret, self._issued[secret])
                self._values |= {} if made is None else {secret: made}
        return self._values

    @property
    def plausibles(self) -> Plausibles:
        """What stands in the place of placeholders, and what it stands for."""
        ordered = sorted(self._issued, key=lambda s: self._issued[s].form)
        return Plausibles.of((self._values[s], s.value) for s in ordered if s in self._values)

    @property
    def originals(self) -> dict[str, str]:
        return {issued.name: secret.value for secret, issued in self._issued.items()}

    def save(self) -> None:
        rows = [
            [issued.type, issued.number, issued.form, issued.gender, secret.value]
            + ([self._values[secret].to_json()] if secret in self._values else [])
            for secret, issued in self._issued.items()
        ]
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(rows, file)


def _policy(path: Path | None) -> Policy:
    try:
        written = {} if path is None else json.loads(path.read_text("utf-8"))
        return Policy({Label(label): Treatment(said) for label, said in written.items()})
    except (OSError, ValueError, AttributeError, PolicyNotAllowed) as wrong:
        raise StartRefused(f"--policy: {wrong}") from None


def _pseudonymise(arguments: argparse.Namespace) -> int:
    from anonymizer.detection.examiner import Examination  # noqa: PLC0415
    from anonymizer.surrogates.treating import Cut  # noqa: PLC0415

    policy, today = _policy(arguments.policy), utc_now().date()
    detector, space = _detector(arguments.model), _Space(arguments.space)
    for line in _lines():
        text = line["text"]
        findings = tuple(detector.find(text, _hints(line)))
        statements = () if arguments.keep_special else detector.statements(text, findings)
        decided = SpecialPolicy().decide(statements)
        cut = Cut.of(Examination(text, findings, decided), policy, today).plan
        cut = without(cut, space.plausibles)
        issued = space.issue(cut.secrets)
        values = space.disguise(cut.secrets, text) if arguments.plausible else {}
        shown = disguised(cut, issued, values, space.plausibles)
        _write({"id": line["id"], "text": shown})
    space.save()
    return 0


def _restore(arguments: argparse.Namespace) -> int:
    from anonymizer.restoration.rules import Restorer, restore  # noqa: PLC0415

    space = _Space(arguments.space)
    originals, plausibles = space.originals, space.plausibles
    for line in _lines():
        if arguments.stream:
            stream = Restorer(originals, plausibles=plausibles)
            chunks = [stream.feed(chunk) for chunk in line["chunks"]] + [stream.finish()]
            _write({"id": line["id"], "chunks": chunks, "unknown": list(stream.unknown)})
        else:
            text, unknown = restore(line["text"], originals, plausibles)
            _write({"id": line["id"], "text": text, "unknown": unknown})
    return 0


def _rotate_keys(_: argparse.Namespace) -> int:
    from anonymizer.tables import ContentKey  # noqa: PLC0415
    from keel.rewrapping import Wrapped, print_rewrapped  # noqa: PLC0415
    from keel.sealing import KeyEncryptionKey  # noqa: PLC0415

    settings = Settings.read()
    kek = KeyEncryptionKey.from_file(settings.key_encryption_key_file)
    return print_rewrapped(Wrapped("anonymizer", settings.database_url, kek, (ContentKey,)))


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
    parser.add_argument("--plausible", action="store_true", help="invent names where that is safe")
    parser.add_argument("--policy", type=Path, help="JSON: label to treatment")


def _restore_arguments(parser: argparse.ArgumentParser) -> None:
    _space(parser)
    parser.add_argument("--stream", action="store_true", help="text arrives in `chunks`")


def _create_app(settings: Settings) -> "FastAPI":
    from anonymizer.app import create_app  # noqa: PLC0415

    return create_app(settings)


def _document() -> dict[str, Any]:
    from anonymizer.app import document  # noqa: PLC0415

    return document()


SERVICE = Service(
    package="anonymizer",
    settings=Settings,
    create_app=_create_app,
    document=_document,
    verbs=(
        Verb("extract", "read files: a JSON line each", _extract, _files),
        Verb("outline", "outline CVs: a JSON line each", _outline, _files),
        Verb("detect", "find what identifies somebody", _detect, _detect_arguments),
        Verb("pseudonymise", "put surrogates in texts", _pseudonymise, _pseudonymise_arguments),
        Verb("restore", "put the originals back", _restore, _restore_arguments),
        Verb("rotate-keys", "wrap content keys under the newest key", _rotate_keys),
        Verb("work", "read files for the service (see `work --help`)", lambda _: 2),
    ),
)


def main() -> int:
    """Run one verb."""
    return run_command(SERVICE)
