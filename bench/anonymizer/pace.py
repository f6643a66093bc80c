"""How long each engine takes for 3,000 characters on one core.

One process, pinned to one core, one thread in the mathematics. Every engine reads every piece once
a round, in turns piece by piece and each time in another order, so that what the machine does
meanwhile hits all alike. A round's figure is the mean over its pieces; the figure is the median of
the rounds. A first turn over one piece is not counted. Ours is `find`, then `statements`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from texts import pieces, read_all

SPACY, PRESIDIO, MD, NONE = "spaCy md, all pipes", "Presidio as it comes", "ours md", "ours none"
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS"), "1"
)


@dataclass(frozen=True, slots=True)
class Rounds:
    """The milliseconds of each round for one engine: of the processor, and by the clock."""

    cpu_ms: list[float]
    wall_ms: list[float]


@dataclass(frozen=True, slots=True)
class Ratio:
    """One engine's processor time against another's, and what was asked of it."""

    name: str
    value: float
    asked: float
    at_most: bool

    @property
    def holds(self) -> bool:
        """Say whether it is as asked."""
        return self.value <= self.asked if self.at_most else self.value >= self.asked


def pace(rounds: int, sets: Sequence[Path]) -> Mapping[str, Rounds]:
    """Return the rounds of each engine, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__)), str(rounds), *map(str, sets)],
        env={**os.environ, **_ONE_THREAD},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {name: Rounds(*told) for name, told in json.loads(done.stdout).items()}


def ratios(measured: Mapping[str, Rounds]) -> list[Ratio]:
    """Return what was asked: medians of the ratios within each round."""

    def ratio(of: str, to: str) -> float:
        pairs = zip(measured[of].cpu_ms, measured[to].cpu_ms, strict=True)
        return statistics.median(a / b for a, b in pairs)

    return [
        Ratio(f"{MD} / {SPACY}", ratio(MD, SPACY), 0.85, at_most=True),
        Ratio(f"{MD} / {PRESIDIO}", ratio(MD, PRESIDIO), 0.65, at_most=True),
        Ratio(f"{MD} / {NONE}", ratio(MD, NONE), 10, at_most=False),
    ]


def _readers() -> dict[str, Callable[[str], object]]:
    import presidio  # noqa: PLC0415 - in the measured process only
    import spacy  # noqa: PLC0415

    stock = presidio.as_it_comes()  # before ours is imported
    from anonymizer.detection.rules import MODELS  # noqa: PLC0415
    from anonymizer.detection.service import Detector  # noqa: PLC0415

    md, none = Detector.load("md"), Detector.load("none")
    return {
        SPACY: spacy.load(str(MODELS["md"])),
        PRESIDIO: stock.analyse,
        MD: lambda text: md.statements(text, md.find(text)),
        NONE: lambda text: none.statements(text, none.find(text)),
    }


def in_turns(
    readers: Mapping[str, Callable[[str], object]], texts: Sequence[str], rounds: int
) -> dict[str, Rounds]:
    """Let every reader read every text, `rounds` times; the figures are for one text."""
    names, measured = list(readers), {name: Rounds([], []) for name in readers}
    for reader in readers.values():
        reader(texts[0])
    for number in range(rounds):
        cpu, wall = dict.fromkeys(names, 0.0), dict.fromkeys(names, 0.0)
        for at, text in enumerate(texts):
            turn = (number + at) % len(names)
            for name in names[turn:] + names[:turn]:
                began = time.process_time(), time.perf_counter()
                readers[name](text)
                cpu[name] += time.process_time() - began[0]
                wall[name] += time.perf_counter() - began[1]
        for name, rows in measured.items():
            rows.cpu_ms.append(1000 * cpu[name] / len(texts))
            rows.wall_ms.append(1000 * wall[name] / len(texts))
    return measured


def main() -> int:
    """Measure in this process and print the rounds as JSON."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    texts = pieces(read_all(map(Path, sys.argv[2:])))
    measured = in_turns(_readers(), texts, int(sys.argv[1]))
    print(json.dumps({name: [rows.cpu_ms, rows.wall_ms] for name, rows in measured.items()}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
