"""How the figures are printed."""

import statistics
from collections.abc import Iterable, Mapping, Sequence

from detection import DetectionFigures, SetFigures
from intervals import Share
from measures import ROWS
from memory import BOUNDS, GROWTH, MB, Grown
from pace import Ratio, Rounds
from sockets import Uses


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows in columns."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def cell(share: Share) -> str:
    """Return a share as `314/317 99.1 % [97.3–99.7]`; a dash where nothing was counted."""
    if share.value is None or share.interval is None:
        return "–"
    low, high = share.interval
    return f"{share.found}/{share.of} {share.value:.1%} [{low * 100:.1f}–{high * 100:.1f}]"


def detection_tables(figures: DetectionFigures) -> str:
    """Return a table for each set: a measure a row, an engine a column."""
    told = "the shelf's judge agrees" if figures.judged else "the shelf's judge is not there"
    head = (
        f"Found and masked: count/of, share, 95 % interval (Wilson). {told.capitalize()}.\n"
        f"Presidio for French at score_threshold {figures.threshold:g}, the best on these sets."
    )
    return "\n\n".join([head, *(_set_table(one) for one in figures.sets)])


def _set_table(one: SetFigures) -> str:
    labels = sorted({name for c in one.columns for name in c.measures if name not in ROWS})
    rows = [
        [name, *(cell(column.measures[name]) for column in one.columns)]
        for name in (*ROWS, *labels)
    ]
    title = f"{one.name}: {one.documents} documents, {one.characters:,} characters"
    return f"{title}\n{table([['', *(c.engine for c in one.columns)], *rows])}"


def pace_table(measured: Mapping[str, Rounds], found: Iterable[Ratio]) -> str:
    """Return the times for 3,000 characters and the ratios with what was asked."""
    rows = [["3,000 characters, one core", "processor ms", "min–max", "clock ms"]]
    for name, rounds in measured.items():
        cpu, wall = rounds.cpu_ms, rounds.wall_ms
        spread = f"{min(cpu):.1f}–{max(cpu):.1f}"
        rows.append(
            [name, f"{statistics.median(cpu):.1f}", spread, f"{statistics.median(wall):.1f}"]
        )
    asked = [["ratio, processor", "", "asked", ""]]
    for ratio in found:
        bound = f"{'≤' if ratio.at_most else '≥'} {ratio.asked:g}"
        asked.append([ratio.name, f"{ratio.value:.2f}", bound, verdict(holds=ratio.holds)])
    return f"{table(rows)}\n\n{table(asked)}"


def memory_table(found: Iterable[Grown]) -> str:
    """Return what each model holds, in MB (10^6 bytes), and what was asked of it."""
    rows = [["memory, MB", "loaded", "after 1,000", "peak", "asked", "", "at the end", "requests",
             "a 10,000", "asked", ""]]  # fmt: skip
    for one in found:
        last = max(one.later, default=1000)
        bound = BOUNDS.get(one.model)
        asked = [f"≤ {bound}", verdict(holds=fits(one))] if bound else ["–", ""]
        rows.append(
            [f"ours {one.model}", *(f"{n / MB:.0f}" for n in (one.loaded, one.first)),
             f"{one.first_peak / MB:.0f}", *asked, f"{one.later.get(last, one.first) / MB:.0f}",
             f"{last:,}", "–" if one.growth is None else f"{one.growth:+.1%}", f"< {GROWTH:.0%}",
             "–" if one.growth is None else verdict(holds=one.growth < GROWTH)]
        )  # fmt: skip
    return table(rows)


def fits(one: Grown) -> bool:
    """Say whether a model's peak after the first requests is within what was asked."""
    return one.first_peak <= BOUNDS.get(one.model, float("inf")) * MB


def sockets_table(found: Mapping[str, tuple[Uses, Uses]]) -> str:
    """Return the socket events of each model: loading, detecting, and which modules they are of."""
    rows = [["asked 0", "", "sockets opened", "names looked up", "other events", "", "by"]]
    for model, uses in found.items():
        for phase, of in zip(("loading", "detecting"), uses, strict=True):
            counts = (str(n) for n in (of.opened, of.looked_up, of.other))
            by = ", ".join(sorted({event.split()[1] for event in of.events}))
            rows.append([f"ours {model}", phase, *counts, verdict(holds=not of.events), by])
    return table(rows)


def verdict(*, holds: bool) -> str:
    """Return how a bound is reported."""
    return "ok" if holds else "MISSED"
