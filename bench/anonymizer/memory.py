"""How much memory detection holds, and whether it grows with what it reads.

One process for each model, so that each has only its own lists and pipes. A request is what the
service does with a text: `find`, then `statements`. Texts are those of `texts.remixed`, in which
words, names and numbers keep coming that no text had before (a vocabulary that keeps every word
shows here). The web framework, the database and
the reading of files are not in it: they add their own.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from texts import read_all, remixed

MB = 1_000_000
FIRST = 1000
"""Requests after which a process is warm, and its memory is taken."""
BOUNDS = {"md": 600, "none": 150}
"""What a model may hold after the first requests, in MB (10^6 bytes)."""
GROWTH = 0.05
"""What it may grow by in the next 10,000, as a share."""
_TEN_THOUSAND = 10_000
_STATUS = Path("/proc/self/status")
_SEED = 20261123


@dataclass(frozen=True, slots=True)
class Grown:
    """The memory of one model's process, in bytes, after so many requests."""

    model: str
    loaded: int
    first: int
    first_peak: int
    later: Mapping[int, int]
    peak: int

    @property
    def growth(self) -> float | None:
        """What it grew by from the first requests to the last, as a share for 10,000 requests.

        None where there were no later ones.
        """
        last = max(self.later, default=FIRST)
        if last == FIRST:
            return None
        return (self.later[last] / self.first - 1) * _TEN_THOUSAND / (last - FIRST)


def grown(model: str, requests: int, sets: Sequence[Path]) -> Grown:
    """Measure a model in a process of its own, over `FIRST` requests and so many further."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), model, str(requests), *map(str, sets)],
        env=environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    told = json.loads(done.stdout)
    return Grown(**{**told, "later": {int(after): held for after, held in told["later"].items()}})


def resident() -> tuple[int, int]:
    """Return what this process holds in memory, and the most that it ever held, in bytes."""
    lines = (line.split() for line in _STATUS.read_text("ascii").splitlines())
    held = {line[0]: line[1] for line in lines if len(line) > 1}
    return int(held["VmRSS:"]) * 1024, int(held["VmHWM:"]) * 1024


def _measure(model: str, requests: int, sets: Sequence[Path]) -> Grown:
    from anonymizer.detection.service import Detector  # noqa: PLC0415 - in the measured process only

    detector = Detector.load(model)
    texts = remixed(read_all(sets), _SEED)
    loaded, later = resident()[0], {}
    first, first_peak = loaded, loaded
    for count in range(1, FIRST + requests + 1):
        text = next(texts)
        detector.statements(text, detector.find(text))
        if count == FIRST:
            first, first_peak = resident()
        if count > FIRST and (count % FIRST == 0 or count == FIRST + requests):
            later[count] = resident()[0]
    return Grown(model, loaded, first, first_peak, later, resident()[1])


def main() -> int:
    """Measure in this process and print the figures as JSON."""
    figures = _measure(sys.argv[1], int(sys.argv[2]), [Path(path) for path in sys.argv[3:]])
    print(json.dumps({name: getattr(figures, name) for name in figures.__slots__}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
