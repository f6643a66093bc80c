"""Whether detection opens a socket or looks a name up: asked is never.

Python itself tells each `socket.*` event of its process to an audit hook (PEP 578), which is there
before anything of ours, of spaCy's or of Presidio's is imported. Loading (imports and models) and
detecting are counted apart, each event with the module that caused it. What a library in C did
without Python it would not see; `strace -f -e trace=network` on the same command shows that too.
"""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_LOOKED_UP = frozenset(
    ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr", "getnameinfo")
)


@dataclass(frozen=True, slots=True)
class Uses:
    """Socket events of a stretch of work, counted by `event module`."""

    events: Counter[str]

    @property
    def opened(self) -> int:
        """How many sockets were made."""
        return self._count(("__new__",))

    @property
    def looked_up(self) -> int:
        """How many names were looked up."""
        return self._count(_LOOKED_UP)

    @property
    def other(self) -> int:
        """How many other events there were: binding, connecting, sending."""
        return self.events.total() - self.opened - self.looked_up

    def _count(self, names: Iterable[str]) -> int:
        wanted = {f"socket.{name}" for name in names}
        return sum(count for of, count in self.events.items() if of.split()[0] in wanted)


def listen() -> Counter[str]:
    """Begin to count the socket events of this process, for good: the counts keep growing."""
    seen: Counter[str] = Counter()

    def note(event: str, _: tuple[object, ...]) -> None:
        if event.startswith("socket."):
            seen[f"{event} {_caller()}"] += 1

    sys.addaudithook(note)
    return seen


def _caller() -> str:
    """Return the module that asked, Python's own `socket` passed over."""
    frame = sys._getframe(2)  # noqa: SLF001 - there is no other way to see who called
    while frame.f_back is not None and frame.f_globals.get("__name__") == "socket":
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


def used(model: str, sets: Sequence[Path]) -> tuple[Uses, Uses]:
    """Return what a process used to load a model, and then to read every text."""
    command = [sys.executable, str(Path(__file__)), model, *map(str, sets)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    loading, detecting = json.loads(done.stdout)
    return Uses(Counter(loading)), Uses(Counter(detecting))


def main() -> int:
    """Detect in this process and print the events as JSON."""
    seen = listen()
    from texts import read_all  # noqa: PLC0415 - after the hook

    from anonymizer.detection.service import Detector  # noqa: PLC0415

    detector = Detector.load(sys.argv[1])
    loading = seen.copy()
    for given in read_all(map(Path, sys.argv[2:])):
        detector.statements(given.text, detector.find(given.text))
    print(json.dumps([loading, seen - loading]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
