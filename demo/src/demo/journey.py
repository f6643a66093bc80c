"""The seven steps, in order, on a platform that lives as long as they do."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from demo.centre import Refused
from demo.cv import Cv
from demo.models import Endpoint, scripted_deployments
from demo.platform_process import platform, scripted_model
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
        except Refused:
            _tell_state(stage)
            raise


@contextmanager
def _stage(
    story: Story, cv: Cv, endpoint: Endpoint | None, *, data: Path | None, port: int
) -> Iterator[Stage]:
    with ExitStack() as opened:
        work = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="passerelle-demo-")))
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
                environment=_environment(deployments, wire_copy),
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


def _environment(deployments: Path, wire_copy: Path) -> Mapping[str, str]:
    return {
        **os.environ,
        "LLM_ROUTER_DEPLOYMENTS_FILE": str(deployments),
        "LLM_ROUTER_WIRE_COPY_FILE": str(wire_copy),
    }


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
