"""What `make bench-anonymizer` runs: what detection finds, and what it costs, in one run.

    python bench/anonymizer [--sets FILE…] [--models md none] [--rounds 5]
                            [--memory] [--requests 10000] [--only PART…] [--json FILE]

It prints four parts, each by a module of its own, which says how it measures:

- `detection`: for each set a table, a measure a row, an engine a column (ours by model, with and
  without hints; Presidio as it comes; Presidio configured for French). A cell is
  `314/317 99.1 % [97.3–99.7]`: found of how many, the share, its 95 % Wilson interval; a dash where
  nothing was counted. First the nine measures, then `label X` for each label of the set. Two rows
  are better when lower: hard negatives masked and near misses flagged. The counts are ours; where
  the shelf is there, its judge counts the same answers again, and the bench stops if they differ.
- `pace`: an engine a row: median, least and most milliseconds of the processor and median of the
  clock for 3,000 characters; then the ratios: value, what was asked, `ok` or `MISSED`.
- `memory` (with `--memory`: it takes minutes): a model a row: loaded, after 1,000 requests, peak by
  then, what was asked; at the end and after how many requests; growth a 10,000 requests.
- `sockets`: a model and what it did (loading, detecting) a row: sockets opened, names looked up,
  other socket events, and which modules they are of.

The JSON holds the same figures unrounded. It ends with 1 if something asked was missed.
"""

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import detection
import memory
import pace
import sockets
import tables
from texts import given_sets

_PARTS = ("detection", "pace", "sockets", "memory")
Outcome = tuple[str, Any, bool]
"""What is printed, what is written as JSON, and whether all that was asked holds."""


def _detection(given: argparse.Namespace) -> Outcome:
    figures = detection.detection(given.sets, given.models)
    told = [
        {
            **{key: getattr(one, key) for key in ("name", "documents", "characters")},
            "engines": {
                column.engine: {
                    name: {**asdict(share), "share": share.value, "interval": share.interval}
                    for name, share in column.measures.items()
                }
                for column in one.columns
            },
        }
        for one in figures.sets
    ]
    about = {"sets": told, "threshold": figures.threshold, "judged": figures.judged}
    return tables.detection_tables(figures), about, True


def _pace(given: argparse.Namespace) -> Outcome:
    measured = pace.pace(given.rounds, given.sets)
    found = pace.ratios(measured)
    told = {
        "rounds": {name: asdict(rounds) for name, rounds in measured.items()},
        "ratios": [asdict(ratio) for ratio in found],
    }
    return tables.pace_table(measured, found), told, all(ratio.holds for ratio in found)


def _sockets(given: argparse.Namespace) -> Outcome:
    found = {model: sockets.used(model, given.sets) for model in ("md", "none")}
    told = {
        model: {"loading": loading.events, "detecting": detecting.events}
        for model, (loading, detecting) in found.items()
    }
    quiet = not any(uses.events for of_model in found.values() for uses in of_model)
    return tables.sockets_table(found), told, quiet


def _memory(given: argparse.Namespace) -> Outcome:
    found = [memory.grown(model, given.requests, given.sets) for model in ("md", "none")]
    told = {one.model: {**asdict(one), "growth": one.growth} for one in found}
    holds = all(tables.fits(one) and (one.growth or 0.0) < memory.GROWTH for one in found)
    return tables.memory_table(found), told, holds


_MEASURE: dict[str, Callable[[argparse.Namespace], Outcome]] = {
    "detection": _detection,
    "pace": _pace,
    "sockets": _sockets,
    "memory": _memory,
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python bench/anonymizer",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    sets, models = given_sets(), ["md", "sm", "none"]
    parser.add_argument("--sets", nargs="+", type=Path, default=sets, help="annotated texts")
    parser.add_argument("--models", nargs="+", default=["md"], choices=models, help="of ours")
    parser.add_argument("--rounds", type=int, default=5, help="of the pace")
    parser.add_argument("--memory", action="store_true", help="measure memory too")
    parser.add_argument("--requests", type=int, default=10_000, help="after the first 1,000")
    parser.add_argument("--only", nargs="+", choices=_PARTS, help="these parts alone")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def main() -> int:
    """Measure, print each part as it is ready; 1 when something asked was missed."""
    given = _arguments()
    missing = [model for model in given.models if not detection.is_installed(model)]
    if missing:
        sys.exit(f"Not installed here: the model of {', '.join(missing)}.")
    parts = given.only or [part for part in _PARTS if part != "memory" or given.memory]
    told, holds = {}, True
    for part in parts:
        printed, told[part], as_asked = _MEASURE[part](given)
        print(f"{printed}\n", flush=True)
        holds = holds and as_asked
    if given.json:
        given.json.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
