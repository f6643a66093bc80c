"""What a file or a folder holds now: read again when it changed, soon and cheaply.

A key that an operator takes away must be refused by every process within a second (consent
profile, section 3). A look at the folder's listing costs microseconds, so each process looks for
itself at most every half second when it is asked; nobody has to be told.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

_EVERY = 0.5
_SOONEST = 0.005
_Held = TypeVar("_Held")
_Print = tuple[tuple[str, int, int, int], ...]


class Watched(Generic[_Held]):
    """What `read` makes of `path`, as of the last half second.

    `read` is called again when a file's name, time, size or inode changed. What it raises is raised
    by whoever asks first; it must not raise for a content that it can refuse by itself.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Path], _Held],
        *,
        pattern: str = "*",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path, self._read, self._pattern, self._clock = path, read, pattern, clock
        self._seen = self._fingerprint()
        self._looked_at = clock()
        self._held = read(path)

    def now(self) -> _Held:
        """Return what is held, at most half a second old."""
        if self._clock() - self._looked_at >= _EVERY:
            self._look()
        return self._held

    def again(self) -> _Held:
        """Look at once, unless that was done just before: something unknown was asked for."""
        if self._clock() - self._looked_at >= _SOONEST:
            self._look()
        return self._held

    def _look(self) -> None:
        self._looked_at = self._clock()
        seen = self._fingerprint()
        if seen != self._seen:
            # Read first: what could not be read is tried again at the next look.
            self._held = self._read(self._path)
            self._seen = seen

    def _fingerprint(self) -> _Print:
        folder = self._path.is_dir()
        files = sorted(self._path.glob(self._pattern)) if folder else [self._path]
        found = []
        for file in files:
            try:
                state = file.stat()
            except OSError:  # it went away between the listing and the look
                continue
            found.append((file.name, state.st_mtime_ns, state.st_size, state.st_ino))
        return tuple(found)
