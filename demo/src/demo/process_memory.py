"""How much memory a program and what it started take, on Linux."""

import re
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_PROC = Path("/proc")


def pss_of_tree(pid: int) -> int | None:
    """Return the proportional set size of a process and all its descendants, in bytes.

    None where the system does not tell (not Linux, or no right to read it).
    """
    found = [_pss(process) for process in _tree(pid)]
    if not found or found[0] is None:
        return None
    return sum(pss for pss in found if pss is not None)


def _tree(pid: int) -> list[int]:
    children = defaultdict(list)
    for folder in _PROC.glob("[0-9]*"):
        # A process may end while we look.
        with suppress(OSError, ValueError, IndexError):
            told = (folder / "stat").read_text(errors="replace")
            parent = int(told.rpartition(")")[2].split()[1])
            children[parent].append(int(folder.name))
    tree = [pid]
    for process in tree:
        tree += children[process]
    return tree


def _pss(pid: int) -> int | None:
    with suppress(OSError):
        if found := _PSS.search((_PROC / str(pid) / "smaps_rollup").read_text()):
            return int(found.group(1)) * 1024
    return None
