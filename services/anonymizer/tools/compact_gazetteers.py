# ruff: noqa: INP001 - a script, run by hand
"""Compile the open French lists of names and places into the compact files of the package.

    python tools/compact_gazetteers.py FOLDER_OF_THE_LISTS

Input: `prenoms.csv.gz`, `noms_ge5.csv.gz`, `communes.csv.gz` (see `NOTICE` beside the output).
Output, all folded (lower case, no accents), one entry a line, LZMA: first names with the decimal
logarithm of their count and their gender where it is clear, surnames that at least `MIN_BEARERS`
companies' owners bear, communes with the codes of the départements that have one of that name.
"""

import csv
import gzip
import lzma
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable
from pathlib import Path

from anonymizer.detection.folding import fold

MIN_BEARERS = 20
CLEAR = 0.98
OUTPUT = Path(__file__).parents[1] / "src" / "anonymizer" / "detection" / "data"


def rows(path: Path) -> list[dict[str, str]]:
    """Return the rows of a zipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(name: str, lines: Iterable[str]) -> None:
    """Write one list, sorted."""
    text = "\n".join(sorted(set(lines))).encode()
    (OUTPUT / name).write_bytes(lzma.compress(text, preset=9 | lzma.PRESET_EXTREME))


def gender(borne_by: Counter[str]) -> str:
    """Return `f` or `m` where that is nearly all who bear a name, else nothing."""
    return next((g for g in "fm" if borne_by[g] >= CLEAR * borne_by.total()), "")


def main(folder: Path) -> None:
    """Write the three lists."""
    given: Counter[str] = Counter()
    borne_by: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows(folder / "prenoms.csv.gz"):
        name, count = fold(row["prenom"]), int(row["count"])
        given[name] += count
        borne_by[name][row["genre"].lower()] += count
    names = {name: count for name, count in given.items() if len(name) > 1}
    write(
        "first_names.xz",
        (
            f"{name}\t{len(str(count)) - 1}\t{gender(borne_by[name])}"
            for name, count in names.items()
        ),
    )
    borne = (r for r in rows(folder / "noms_ge5.csv.gz") if int(r["count"]) >= MIN_BEARERS)
    write("surnames.xz", (fold(row["patronyme"]) for row in borne))
    places: dict[str, set[str]] = defaultdict(set)
    for row in rows(folder / "communes.csv.gz"):
        places[fold(row["nom"])].add(row["departement"])
    write("communes.xz", (f"{name}\t{' '.join(sorted(codes))}" for name, codes in places.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
