"""`python -m gateway destruction list`: what is not destroyed yet, and when the job last ran."""

import argparse
from typing import Any

from fastapi import FastAPI

from gateway.destruction.watching import listed

ROUTE = "/destructions"


def arguments(parser: argparse.ArgumentParser) -> None:
    """Say what `destruction` takes."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("list", help="show what is not done yet, and the last round of the job")


def add_destruction_verbs(app: FastAPI, state: Any) -> None:  # noqa: ANN401 - the application's own
    """Add what an operator can see of destructions."""

    @app.get(ROUTE)
    async def list_destructions() -> list[dict[str, object]]:
        async with state.database.begin() as session:
            return await listed(session)
