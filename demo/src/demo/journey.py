"""The seven steps, in order, on a platform that lives as long as they do."""

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from demo.centre import Refused
from demo.cv import Cv
from demo.models import Endpoint, scripted_deployments
from demo.platform_process import PLATFORM_LOG, platform, scripted_model
from demo.process_memory import pss_of_tree
from demo.scripted_model import MODEL, NOTICE, RECIPIENT
from demo.stage import Stage
from demo.steps import consent, document, log, opening, runs, synthesis, withdrawal
from demo.summary import Story

STEPS: tuple[Callable[[Stage], None], ...] = (
    opening.play,
    consent.play,
    document.play,
    runs.play,
    synthesis.play,
    withdrawal.play,
    log.play,
)


def play(story: Story, cv: Cv, endpoint: Endpoint | None, *, data: Path | None, port: int) -> None:
    """Start what is needed, play every step, and end whatever was started.

    Raises:
        NotStarted: the platform did not start.
        NotHeld: a claim of the demo was not so.
        Refused: the platform refused something that it should not have.
    """
    with _stage(story, cv, endpoint, data=data, port=port) as stage:
        try:
            for step in STEPS:
                step(stage)
            _weigh(stage)
        except Refused:
            _tell_state(stage)
            raise


@contextmanager
def _stage(
    story: Story, cv: Cv, endpoint: Endpoint | None, *, data: Path | None, port: int
) -> Iterator[Stage]:
    with ExitStack() as opened:
        work = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="passerelle-demo-")))
        opened.push(partial(_keep_log, story, work / PLATFORM_LOG))
        scripted = None
        if endpoint is None:
            scripted = opened.enter_context(scripted_model(logs=work))
            content = scripted_deployments(str(scripted.announced["base_url"]))
        else:
            content = endpoint.deployments()
        deployments, wire_copy = work / "deployments.json", work / "wire-copy"
        deployments.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
        story.terminal.say(
            "The platform starts: five services in one process, on SQLite…", indent=0
        )
        started = opened.enter_context(
            platform(
                data or work / "data",
                port=port,
                logs=work,
                deployments=deployments,
                wire_copy=wire_copy,
            )
        )
        story.terminal.done(f"ready at {started.url}", started.milliseconds)
        story.about |= {
            "cv": cv.path.name,
            "model": _model(endpoint),
            "platform": {"url": started.url, "start_milliseconds": started.milliseconds},
        }
        stage = Stage(
            story=story,
            platform=started,
            cv=cv,
            endpoint=endpoint,
            scripted_url=scripted.url if scripted else None,
            wire_copy=wire_copy,
        )
        opened.callback(stage.close)
        yield stage


def _keep_log(story: Story, log: Path, kind: type[BaseException] | None, *_: object) -> None:
    """Leave the platform's own words in the folder of results when something went wrong."""
    if kind is not None and log.exists():
        story.keep(PLATFORM_LOG, log.read_bytes())


def _weigh(stage: Stage) -> None:
    """Note what the platform takes in memory now that nobody asks anything."""
    pss = pss_of_tree(stage.platform.pid)
    if pss is not None:
        stage.story.about["platform"]["memory_pss_bytes"] = pss


def _model(endpoint: Endpoint | None) -> dict[str, str]:
    if endpoint is None:
        return {"model": MODEL, "recipient": RECIPIENT, "notice": NOTICE}
    recipient = endpoint.processor["recipient"]["id"]
    return {"model": endpoint.model, "recipient": recipient, "base_url": endpoint.base_url}


def _tell_state(stage: Stage) -> None:
    """After a refusal, say what stands: the platform goes on, nothing is half done."""
    bilan = stage.ids.get("bilan")
    if bilan is None:
        return
    standing = stage.centre.bilan(bilan)
    stage.story.terminal.say(
        f"The platform still answers and the bilan is {standing['status']}, as it was before."
    )
