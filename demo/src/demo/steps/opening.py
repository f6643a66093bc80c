"""Step 1: the operator creates a tenant, the centre's software draws an access token."""

import json
import os
import subprocess
import sys

from demo.centre import Centre, Credentials
from demo.log_verifier import Checkpoint, VerifierKey
from demo.stage import ORGANISATION, Stage
from demo.summary import NotHeld

WHAT = "The operator lets a centre in; its software draws an access token"
_TIMEOUT_S = 60


def play(stage: Stage) -> None:
    """Create the tenant with the operator's own command, then speak HTTP only."""
    story = stage.story
    with story.step(WHAT) as step:
        with story.act(f"tenant “{ORGANISATION}” created by `python -m gateway tenant create`"):
            credentials = _create_tenant(str(stage.platform.announced["operator_socket"]))
        stage.open_centre(Centre.at(stage.platform.url, credentials))
        with story.act("access token drawn") as told:
            drawn = stage.centre.draw_access_token()
            told.append(f"(valid for {drawn['expires_in']} s)")
        stage.log_key = VerifierKey.parse(stage.centre.log_text("vkey"))
        note = stage.centre.log_text("checkpoint")
        stage.first_checkpoint = Checkpoint.verified(note, stage.log_key)
        story.hold(
            stage.first_checkpoint.size > 0,
            f"the public log is signed by its key, size {stage.first_checkpoint.size}",
        )
        step.ids = {"tenant": credentials.tenant, "client": credentials.client_id}
        step.outcome = "a tenant and an OAuth2 client; an access token is in use"


def _create_tenant(socket: str) -> Credentials:
    command = [sys.executable, "-m", "gateway", "tenant", "create", "--name", ORGANISATION]
    made = subprocess.run(  # noqa: S603 - our own module, no shell
        command,
        env={**os.environ, "GATEWAY_OPERATOR_SOCKET": socket},
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )
    if made.returncode:
        raise NotHeld(f"the operator's command failed: {made.stderr.decode().strip()}")
    return Credentials(**json.loads(made.stdout))
