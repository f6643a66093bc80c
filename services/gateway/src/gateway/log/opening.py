"""The log of an installation as its settings say it."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.log.copies import Copies, CopyFolder, ObjectStore
from gateway.log.keys import LogKeys
from gateway.log.service import Sequencer
from gateway.settings import Settings
from gateway.witnesses.remembering import Remembered
from keel.database import Database


def sequencer_of(
    settings: Settings,
    database: Database,
    keys: LogKeys,
    genesis: Callable[[AsyncSession, dict[str, Any]], Awaitable[str]],
) -> Sequencer:
    """Return what sequences an installation's log and keeps copies of its checkpoints."""
    unset = Path()
    folder, url = settings.checkpoint_copies, settings.checkpoint_put_url
    token = settings.checkpoint_put_token_file
    witnesses = tuple(witness.read() for witness in settings.log_witnesses)
    copies = Copies(
        settings.log_origin,
        None if folder == unset else CopyFolder(folder),
        ObjectStore(url, None if token == unset else token) if url else None,
        Remembered(settings.log_origin, keys, witnesses) if witnesses else None,
    )
    return Sequencer(
        database,
        settings.log_origin,
        keys,
        genesis,
        copies,
        opaque_kinds=settings.log_opaque_kinds,
    )
