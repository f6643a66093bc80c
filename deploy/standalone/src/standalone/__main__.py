"""`python -m standalone serve`: the whole platform in one process, on SQLite."""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import uvloop

from gateway.operators.service import create_tenant, list_tenants
from keel.commands import REFUSED, listen, serve_on
from keel.database import DatabaseInUse
from keel.sealing import KeyFileRefused
from keel.settings import SettingsRefused
from keel.telemetry import configure_logging
from standalone.layout import Layout
from standalone.platform import Choices, create_platform

_POLL_SECONDS = 0.1
_READY = 200


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m standalone")
    verbs = parser.add_subparsers(dest="verb", required=True)
    serve = verbs.add_parser("serve", help="run the whole platform in this process")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000, help="0: any free port")
    serve.add_argument("--data", type=Path, default=Path("var/data"))
    serve.add_argument("--deployments", type=Path, help="which models may be used, and where")
    serve.add_argument("--wire-copy", type=Path, help="append the exact bytes sent to models")
    serve.add_argument(
        "--first-tenant",
        metavar="NAME",
        help="when there is no tenant yet, create this one and print how to call it",
    )
    return parser.parse_args(argv)


async def _serve(arguments: argparse.Namespace, layout: Layout) -> int:
    bound = listen(arguments.host, arguments.port)
    host, port = bound.getsockname()[:2]
    layout.make_keys()
    await layout.migrate()
    url = f"http://{host}:{port}"
    choices = Choices(url, arguments.deployments, arguments.wire_copy)
    app = create_platform(layout, choices)
    ready = asyncio.create_task(_when_ready(url, app, arguments, layout))
    try:
        await serve_on(app, bound)
    finally:
        ready.cancel()
    return 0


async def _when_ready(url: str, app: Any, arguments: argparse.Namespace, layout: Layout) -> None:  # noqa: ANN401 - the gateway's application
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        while True:
            try:
                if (await client.get("/readyz")).status_code == _READY:
                    break
            except httpx.TransportError:
                pass
            await asyncio.sleep(_POLL_SECONDS)
    _say({"url": url, "operator_socket": str(layout.operator_socket), "data": str(layout.data)})
    if arguments.first_tenant and not await list_tenants(app.state.database):
        state = app.state
        made = await create_tenant(state.database, state.tenants, arguments.first_tenant, None)
        _explain(url, made)


def _explain(url: str, made: dict[str, Any]) -> None:
    sys.stderr.write(
        f"\nA first tenant was created. Its secret is shown this once:\n\n"
        f"  client id      {made['client_id']}\n"
        f"  client secret  {made['client_secret']}\n\n"
        f"Draw an access token:\n\n"
        f"  curl -s -u {made['client_id']}:{made['client_secret']} \\\n"
        f"       -d grant_type=client_credentials {url}/oauth2/token\n\n"
        f"The interactive documentation is at {url}/docs\n"
    )
    sys.stderr.flush()


def _say(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit status (2: refused, the reason is on standard error)."""
    arguments = _arguments(argv)
    configure_logging("standalone")
    layout = Layout(arguments.data.resolve())
    try:
        with layout.claim():
            return uvloop.run(_serve(arguments, layout))
    except (SettingsRefused, DatabaseInUse, KeyFileRefused) as refusal:
        sys.stderr.write(f"passerelle: {refusal}\n")
        return REFUSED


if __name__ == "__main__":
    sys.exit(main())
