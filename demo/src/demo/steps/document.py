"""Step 3: the CV is read, pseudonymised, and shown before and after."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from demo import side_by_side, wire
from demo.stage import Stage

WHAT = "The CV is read and pseudonymised, before anything could leave"
_MOST_ROWS = 140
_POSTCODE = re.compile(r"\b(\d{2})(\d)\d{2}\b")
_CORSICA, _OVERSEAS = "20", "97"


def play(stage: Stage) -> None:
    """Upload the CV, look at what was masked, make sure that it was."""
    story, centre = stage.story, stage.centre
    with story.step(WHAT) as step:
        with story.act(f"{stage.cv.path.name} read and pseudonymised", "reading_ms") as told:
            document = centre.upload(stage.ids["bilan"], stage.cv.content)
            told.append(f"({_size(stage)}, {document['characters']} characters)")
        stage.ids["document"] = document["id"]
        text = centre.pseudonymised(document["id"])
        findings = centre.findings(document["id"])
        stage.restored = _restored(stage, text)
        story.keep("pseudonymised.txt", text)
        _tell(stage, document, findings)
        _show(stage, text, findings)
        _hold(stage, text, findings)
        stage.territory = str(stage.cv.about.get("territory") or _territory(stage.restored))
        step.ids = {"document": document["id"]}
        step.measures["masked"] = len(findings["masked"])
        step.outcome = (
            f"{len(findings['masked'])} passages masked, {len(findings['special'])} mentions of "
            f"special categories removed, {len(findings['hidden'])} hidden texts set aside"
        )


def _size(stage: Stage) -> str:
    return f"{max(1, len(stage.cv.content) // 1000)} kB"


def _restored(stage: Stage, text: str) -> Mapping[str, str]:
    """Ask the vault what each surrogate stands for, as the counsellor may."""
    asked = {surrogate: surrogate for surrogate in side_by_side.surrogates_in(text)}
    found: Mapping[str, str] = stage.centre.restore(stage.ids["bilan"], asked)
    return found


def _tell(stage: Stage, document: Mapping[str, Any], findings: Mapping[str, Any]) -> None:
    terminal = stage.story.terminal
    counted = Counter(entry["label"] for entry in findings["masked"])
    terminal.facts(
        [
            (
                "masked",
                ", ".join(f"{n} {label}" for label, n in counted.most_common()) or "nothing",
            ),
            ("pages", f"{document['pages']}{' (read by OCR)' if document['ocr'] else ''}"),
        ]
    )
    for entry in findings["special"]:
        terminal.noted(f"special category “{entry['category']}”, {entry['action']}:")
        terminal.quoted(entry["text"])
    for entry in findings["hidden"]:
        terminal.noted(f"hidden text ({entry['kind']}), reported and kept out:")
        terminal.quoted(entry["text"])


def _show(stage: Stage, text: str, findings: Mapping[str, Any]) -> None:
    terminal = stage.story.terminal
    removed = [entry["text"] for entry in findings["special"] if entry["action"] == "removed"]
    rows = side_by_side.rows(text, stage.restored, removed, width=terminal.width)
    terminal.line()
    heads = ("before: only inside the vault", "after: all that a model may see")
    terminal.side_by_side(rows[:_MOST_ROWS], heads=heads)
    if len(rows) > _MOST_ROWS:
        terminal.say(f"… {len(rows) - _MOST_ROWS} more rows; the whole is in pseudonymised.txt.")


def _hold(stage: Stage, text: str, findings: Mapping[str, Any]) -> None:
    story, about = stage.story, stage.cv.about
    left = wire.leaks(text.encode(), stage.identifiers())
    story.hold(
        not left, f"none of {len(stage.identifiers())} direct identifiers is left in the text"
    )
    hidden = [entry["text"] for entry in findings["hidden"]]
    story.hold(
        not wire.leaks(text.encode(), hidden), "no hidden text came into the text that is used"
    )
    if about:
        _hold_what_we_wrote(stage, text, findings)


def _hold_what_we_wrote(stage: Stage, text: str, findings: Mapping[str, Any]) -> None:
    """Check the repository's own CV against what its author put into it."""
    story, about = stage.story, stage.cv.about
    wanted: Sequence[Mapping[str, Any]] = about["special"]
    found = {entry["category"] for entry in findings["special"]}
    words = stage.cv.special_words
    story.hold(
        {entry["category"] for entry in wanted} <= found and not wire.leaks(text.encode(), words),
        "the mentions of health, union and religion were found and taken out",
    )
    said = wire.texts_of(findings["hidden"])
    story.hold(
        all(words in said for words in about["hidden"]), "the instruction in white ink was found"
    )


def _territory(restored: Mapping[str, str]) -> str:
    """Return the département of the first postcode that was masked, or France."""
    for value in restored.values():
        if match := _POSTCODE.search(value):
            two, third = match.groups()
            if two == _CORSICA:
                return "D-2A" if third in "01" else "D-2B"
            return f"D-{two}{third}" if two == _OVERSEAS else f"D-{two}"
    return "FR"
