"""`python -m anonymizer work`: the reading process."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from anonymizer.intake import work


def main(arguments: Sequence[str]) -> int:
    """Read files for the service until it goes away."""
    parser = argparse.ArgumentParser(prog="python -m anonymizer work", description=main.__doc__)
    door = parser.add_mutually_exclusive_group(required=True)
    door.add_argument("--socket", type=Path, help="listen on this Unix socket (a sidecar)")
    door.add_argument("--descriptor", type=int, help="answer on this inherited socket")
    given = parser.parse_args(arguments)
    if given.socket is not None:
        work.serve_socket(given.socket)
    else:
        work.serve_parent(given.descriptor)
    return 0
