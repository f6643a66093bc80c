"""`python -m demo [--cv PATH] [--out DIR]`: the whole of Passerelle at work on one CV."""

import argparse
import io
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import httpx

from demo import journey, models
from demo.cv import Cv
from demo.stops import Stop
from demo.summary import Story, prepare
from demo.terminal import Terminal

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_INTERRUPTED = 130
_INTERRUPTION = "Interrupted."


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; 0 only when every step held."""
    given = _parsed(arguments)
    for number in _ENDINGS:
        signal.signal(number, _stop)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    terminal = Terminal.of(sys.stdout)
    try:
        cv = Cv.read(given.cv)
        endpoint = models.chosen(os.environ)
        if endpoint is not None:
            endpoint.check()
        story = Story(terminal, prepare(given.out))
    except Stop as stop:
        terminal.refused(str(stop))
        return 1
    terminal.title("Passerelle: one bilan de compétences, end to end")
    held = False
    try:
        failure = _failure(story, cv, endpoint, data=given.data, port=given.port)
    finally:
        # Also when the demo itself is at fault, what happened is written down.
        held = story.conclude(steps_planned=len(journey.STEPS))
    terminal.line()
    if failure:
        terminal.refused(failure)
        terminal.say("Everything that the demo started has ended.")
        return _INTERRUPTED if failure == _INTERRUPTION else 1
    _tell_files(story)
    return 0 if held else 1


def _failure(
    story: Story, cv: Cv, endpoint: models.Endpoint | None, *, data: Path | None, port: int
) -> str:
    """Play the journey; say in plain words what stopped it, or nothing."""
    try:
        journey.play(story, cv, endpoint, data=data, port=port)
    except KeyboardInterrupt:
        return _INTERRUPTION
    except Stop as stop:
        return str(stop)
    except OSError as problem:
        return f"Something on this machine failed: {problem.strerror or problem}."
    except httpx.HTTPError as problem:
        return f"The platform does not answer ({type(problem).__name__}: {problem})."
    return ""


def _tell_files(story: Story) -> None:
    total = sum(step.milliseconds for step in story.steps)
    story.terminal.done(f"All {len(story.steps)} steps held.", total)
    story.terminal.say(f"Look into {story.out}:", indent=4)
    story.terminal.facts(
        [
            ("synthesis.pdf", "the document that the counsellor signed (.docx .html .json too)"),
            ("pseudonymised.txt", "the CV as a model may see it"),
            ("sent-to-model.txt", "the exact bytes that left towards the model"),
            ("consent-receipt.json", "what the person agreed to, signed"),
            ("records.json", "every record with its proof; checkpoint.txt is what they rest on"),
            ("summary.json", "each step: what, milliseconds, ids, outcome"),
        ]
    )


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Plays a centre's software, the counsellor and the beneficiary through the "
        "public HTTP API alone, on a platform that it starts and ends.",
    )
    parser.add_argument("--cv", type=Path, help="a PDF, DOCX, ODT or text file; else our own")
    parser.add_argument("--out", type=Path, default=Path("var/demo"), help="where results go")
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--data", type=Path, help="keep the platform's data here; else nowhere")
    return parser.parse_args(arguments)


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Once is enough: a second signal must not interrupt the ending of what was started.
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
