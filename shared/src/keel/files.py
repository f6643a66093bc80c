"""Small files that are there whole, or not at all: keys, and what an installation is called.

A process may be killed, and a machine lose its power, between any two steps. A key file that is
empty then refuses every later start; one that the disk never got loses what was sealed under it.
"""

import os
import secrets
from pathlib import Path


def write_whole(path: Path, content: bytes, *, anew: bool = False) -> None:
    """Write a file that only its owner can open, in place of what was there; returns once on disk.

    `anew`: only where there is none yet.

    Raises:
        FileExistsError: there is one, and it was to be written anew.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if anew:
            path.hardlink_to(beside)
        else:
            beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    _keep_name(path.parent)


def _keep_name(folder: Path) -> None:
    """Have the disk know the name of what was just written into a folder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
