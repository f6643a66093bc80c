"""Files that only their owner can open: written whole or not at all, refused to everybody else."""

import os
from pathlib import Path

from keel.sealing import KeyFileRefused


def settle_folder(folder: Path) -> None:
    """Let the names in a folder survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_private(path: Path) -> bytes:
    """Return the content of a private file; `KeyFileRefused` when it is open to everybody."""
    content = path.read_bytes()
    if path.stat().st_mode & 0o007:
        raise KeyFileRefused(f"The key file {path} is open to everybody: chmod 600 it.")
    return content
