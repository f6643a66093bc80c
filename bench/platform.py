"""What `make bench` runs: the demo's wall time, the platform's start, reading, memory.

Each figure is the median of N warm runs of `python -m demo`; a first run that is not counted warms
the caches. The figures are those of the demo's own summary.json, which times what a caller sees;
memory is the proportional set size of the platform's process tree, right after the last step.

This script is a file beside others of its kind (`bench/*.py`) and stands on the standard library
alone: as it runs, its folder is not importable, since `platform` is also a standard module's name.
"""

import sys

sys.path.pop(0)

import argparse
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
READING_STEP = 3
_MB = 1_000_000


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table: what, what it may be at most, how it is written."""

    name: str
    limit: float
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """Return the middle value."""
        return statistics.median(self.values)

    def row(self) -> tuple[str, ...]:
        """Return the row as it is printed."""
        spread = f"{min(self.values):.2f}–{max(self.values):.2f}"
        verdict = "ok" if self.median <= self.limit else "TOO MUCH"
        return self.name, f"{self.median:.2f}", spread, f"≤ {self.limit:g}", self.unit, verdict


def played(out: Path) -> Mapping[str, Any]:
    """Play the demo once and return its summary with the wall time.

    Raises:
        SystemExit: the demo did not hold.
    """
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "demo", "--out", str(out)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    wall_s = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"The demo failed:\n{done.stdout.decode(errors='replace')[-2000:]}")
    summary: dict[str, Any] = json.loads((out / "summary.json").read_text("utf-8"))
    return {**summary, "wall_s": wall_s}


def figures(runs: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """Return the figures that the runs gave."""
    found = [
        Figure("demo, warm, whole command", 45, "s", [run["wall_s"] for run in runs]),
        Figure(
            "platform, start to /readyz",
            10,
            "s",
            [run["platform"]["start_milliseconds"] / 1000 for run in runs],
        ),
        Figure("CV read and pseudonymised", 2, "s", [_reading_s(run) for run in runs]),
    ]
    weighed = [run["platform"].get("memory_pss_bytes") for run in runs]
    if all(weighed):
        found.append(Figure("memory after the demo (PSS)", 1100, "MB", [w / _MB for w in weighed]))
    return found


def _reading_s(run: Mapping[str, Any]) -> float:
    step = next(step for step in run["steps"] if step["step"] == READING_STEP)
    return float(step["measures"]["reading_ms"]) / 1000


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Lay out rows in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def main() -> int:
    """Play N times, print the table; 1 when a figure is above its limit."""
    parser = argparse.ArgumentParser(description="Measure the platform by its own demo.")
    parser.add_argument("--runs", type=int, default=5, help="how many times to play")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="passerelle-bench-") as folder:
        out = Path(folder)
        played(out)
        runs = [played(out) for _ in range(given.runs)]
    found = figures(runs)
    head = ("figure", "median", "min–max", "limit", "unit", "")
    print(f"Median of {given.runs} warm runs\n\n{table([head, *(f.row() for f in found)])}")
    if given.json:
        told = {f.name: {"unit": f.unit, "limit": f.limit, "values": f.values} for f in found}
        given.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if all(f.median <= f.limit for f in found) else 1


if __name__ == "__main__":
    sys.exit(main())
