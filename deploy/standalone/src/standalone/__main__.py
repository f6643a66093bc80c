"""`python -m standalone serve | rotate-keys`: the whole platform in one process, on SQLite."""

import argparse
import asyncio
import json
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvloop

from gateway.operators.service import create_tenant, list_tenants
from keel.commands import REFUSED, listen, serve_on
from keel.rewrapping import print_rewrapped
from keel.settings import SettingsRefused
from keel.start import StartRefused
from keel.telemetry import configure_logging
from standalone.layout import Layout
from standalone.platform import Choices, create_platform

_POLL_SECONDS = 0.1
_READY = 200
_WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - named to be refused


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m standalone")
    verbs = parser.add_subparsers(dest="verb", required=True)
    serve = verbs.add_parser("serve", help="run the whole platform in this process")
    serve.add_argument("--host", default="127.0.0.1")
    serve.add_argument("--port", type=int, default=8000, help="0: any free port")
    serve.add_argument(
        "--public-url",
        metavar="URL",
        help="how others reach it: the issuer of its tokens, and the base of beneficiaries' links",
    )
    serve.add_argument(
        "--metrics-port", type=int, help="answer /metrics there; without it, nowhere"
    )
    serve.add_argument("--data", type=Path, default=Path("var/data"))
    serve.add_argument("--deployments", type=Path, help="which models may be used, and where")
    serve.add_argument("--wire-copy", type=Path, help="append the exact bytes sent to models")
    serve.add_argument(
        "--first-tenant",
        metavar="NAME",
        help="when there is no tenant yet, create this one and print how to call it",
    )
    rotate = verbs.add_parser(
        "rotate-keys", help="wrap content keys under the newest key of each key file"
    )
    rotate.add_argument("--data", type=Path, default=Path("var/data"))
    return parser.parse_args(argv)


def check_public_url(host: str, public_url: str | None) -> None:
    """See that the URL on tokens and links leads somewhere.

    Raises:
        SettingsRefused: it is no origin, or it would be a wildcard address, which is nobody's.
    """
    if public_url is None:
        if host in _WILDCARDS:
            raise SettingsRefused(
                f"{host or 'An empty host'} is every address of this machine and none that a "
                "beneficiary's link could lead to. Say how others reach it: "
                "--public-url https://bilan.example.fr."
            )
        return
    try:
        parts = urlsplit(public_url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise SettingsRefused(
            f"--public-url {public_url} is not the URL of a site, such as https://bilan.example.fr."
        )
    if parts.hostname in _WILDCARDS:
        raise SettingsRefused(
            f"--public-url {public_url} is nobody's address. Give the name that others use."
        )


def own_url(host: str, port: int) -> str:
    """Return the URL on which this process reaches itself when it listens on `host`:`port`."""
    if host in _WILDCARDS:
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _serve(arguments: argparse.Namespace, layout: Layout) -> int:
    check_public_url(arguments.host, arguments.public_url)
    with listen(arguments.host, arguments.port) as bound:
        own = own_url(*bound.getsockname()[:2])
        layout.make_keys()
        await layout.migrate()
        url = (arguments.public_url or own).rstrip("/")
        choices = Choices(url, arguments.deployments, arguments.wire_copy)
        app = create_platform(layout, choices)
        ready = asyncio.create_task(_when_ready(own, url, app, arguments, layout))
        try:
            limits = app.state.settings.connection_limits()
            await serve_on(app, bound, limits, _figures(arguments))
        finally:
            ready.cancel()
    return 0


def _figures(arguments: argparse.Namespace) -> socket.socket | None:
    if arguments.metrics_port is None:
        return None
    return listen(arguments.host, arguments.metrics_port)


async def _when_ready(
    own: str,
    url: str,
    app: Any,  # noqa: ANN401 - the gateway's application
    arguments: argparse.Namespace,
    layout: Layout,
) -> None:
    async with httpx.AsyncClient(base_url=own, trust_env=False) as client:
        while True:
            with suppress(httpx.TransportError):  # it does not listen yet
                if (await client.get("/readyz")).status_code == _READY:
                    break
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
            if arguments.verb == "rotate-keys":
                return max(map(print_rewrapped, layout.wrapped_keys()))
            return uvloop.run(_serve(arguments, layout))
    except StartRefused as refusal:
        sys.stderr.write(f"passerelle: {refusal}\n")
        return REFUSED


if __name__ == "__main__":
    sys.exit(main())
