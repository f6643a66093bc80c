"""`python -m gateway serve | work | migrate | openapi | tenant | log | keys`."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from gateway.keyring import Keyring
from gateway.operators import service as operators
from gateway.operators.socket import ask
from gateway.settings import Settings
from gateway.tenants.service import Tenants
from gateway.working import WORK
from keel.commands import Service, Verb, main
from keel.database import Database
from keel.settings import SettingsRefused

_SOCKET = "GATEWAY_OPERATOR_SOCKET"
_ERROR = 400


def _create_app(settings: Settings) -> FastAPI:
    # Not at the top: building some sixty routes takes seconds that an operator's verb can save.
    from gateway.app import create_app  # noqa: PLC0415

    return create_app(settings)


def _public_document() -> dict[str, Any]:
    from gateway.app import document  # noqa: PLC0415 - the same
    from gateway.edge.public_document import assemble, service_documents  # noqa: PLC0415

    own = document().openapi()
    root = Path(__file__).parents[3]
    return assemble(own, service_documents(root))


def _on_platform(
    method: str,
    route: str,
    body: dict[str, Any] | None,
    directly: Callable[[Database, Tenants], Awaitable[Any]],
) -> Any:  # noqa: ANN401 - any JSON value
    """Ask a running gateway over its socket; where none runs, work on the database."""
    path = os.environ.get(_SOCKET)
    if path:
        try:
            answer = ask(Path(path), method, route, body)
        except httpx.TransportError:
            raise SettingsRefused(
                f"No gateway listens on {path}. Start it, or unset {_SOCKET} and set the database."
            ) from None
        if answer.status_code >= _ERROR:
            problem = answer.json()
            wrong = "; ".join(f"{e['at']}: {e['why']}" for e in problem.get("errors", ()))
            raise SettingsRefused(" ".join(filter(None, [str(problem.get("detail")), wrong])))
        return answer.json()
    return asyncio.run(_on_database(directly))


async def _on_database(directly: Callable[[Database, Tenants], Awaitable[Any]]) -> Any:  # noqa: ANN401 - any JSON value
    settings = Settings.read()
    database = Database(settings.database_url)
    database.claim()
    keyring = Keyring.open(settings.keys_dir)
    try:
        tenants = Tenants(keyring.access, settings.public_url, settings.access_token_lifetime)
        return await directly(database, tenants)
    finally:
        await database.close()


def _print(value: Any) -> int:  # noqa: ANN401 - any JSON value
    for line in value if isinstance(value, list) else [value]:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    return 0


def _tenant(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        return _print(_on_platform("GET", "/tenants", None, lambda d, _: operators.list_tenants(d)))
    if not arguments.name:
        raise SettingsRefused("Give the tenant a name: --name “…”.")
    if not arguments.name.isprintable():
        raise SettingsRefused("The tenant's name holds signs that cannot be printed.")
    body = {"name": arguments.name, "siren": arguments.siren}
    return _print(
        _on_platform(
            "POST",
            "/tenants",
            body,
            lambda d, t: operators.create_tenant(d, t, arguments.name, arguments.siren),
        )
    )


def _tenant_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["create", "list"])
    parser.add_argument("--name", help="the organisation's name")
    parser.add_argument("--siren", help="its nine-digit SIREN")


def _log(_: argparse.Namespace) -> int:
    verdict = _on_platform("GET", "/log/audit", None, lambda d, _: operators.audit_log(d))
    _print(verdict)
    return 0 if verdict["verdict"] == "consistent" else 1


def _log_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["audit"])


def _keys(arguments: argparse.Namespace) -> int:
    Keyring.create(arguments.folder)
    return _print({"keys": str(arguments.folder)})


def _keys_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["create"])
    parser.add_argument("--folder", type=Path, required=True)


SERVICE = Service(
    package="gateway",
    settings=Settings,
    create_app=_create_app,
    document=_public_document,
    verbs=(
        WORK,
        Verb("tenant", "create or list tenants", _tenant, _tenant_arguments),
        Verb("log", "recompute the transparency log", _log, _log_arguments),
        Verb("keys", "make the keys that are missing", _keys, _keys_arguments),
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
