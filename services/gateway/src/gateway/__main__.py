"""`python -m gateway` and its verbs: serve, work, migrate, and those of the operator."""

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import httpx
from fastapi import FastAPI

from gateway.destruction.keys import PersonKeys
from gateway.events.service import Events
from gateway.holds.service import Holds
from gateway.incidents.service import Incidents
from gateway.keyring import KEK, Keyring
from gateway.log.opening import sequencer_of
from gateway.operators import consents, destructions, holds, log, webhooks
from gateway.operators.api import operator_app
from gateway.operators.keys import SigningKeys
from gateway.operators.log import LogVerbs
from gateway.operators.socket import ask
from gateway.quotas.rules import QuotaKind
from gateway.quotas.service import Quotas
from gateway.records.service import Records
from gateway.settings import Settings
from gateway.tables import ContentKey, RecordKey
from gateway.tenants.clients import Clients
from gateway.tenants.rules import Scope
from gateway.tenants.service import Tenants
from gateway.working import WORK
from keel.commands import Service, Verb, main
from keel.database import Database
from keel.rewrapping import Wrapped, print_rewrapped
from keel.sealing import KeyEncryptionKey
from keel.settings import SettingsRefused
from keel.strict_json import NotStrictJson, parse

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
    body: dict[str, Any] | None = None,
    *,
    whole: bool = False,
    patience: float | None = 60,
) -> Any:  # noqa: ANN401 - any JSON value
    """Ask a running gateway over its socket; where none runs, work on the database and the keys.

    `whole` verbs need all that a gateway is made of; the others are answered seconds sooner.
    """
    path = os.environ.get(_SOCKET)
    if path:
        try:
            answer = ask(Path(path), method, route, body, patience=patience)
        except httpx.TransportError:
            raise SettingsRefused(
                f"No gateway listens on {path}. Start it, or unset {_SOCKET} and set the database."
            ) from None
    else:
        answer = asyncio.run(_directly(method, route, body, whole=whole))
    if answer.status_code >= _ERROR:
        problem = answer.json()
        wrong = "; ".join(f"{e['at']}: {e['why']}" for e in problem.get("errors", ()))
        raise SettingsRefused(" ".join(filter(None, [str(problem.get("detail")), wrong])))
    return answer.json()


async def _directly(
    method: str, route: str, body: dict[str, Any] | None, *, whole: bool
) -> httpx.Response:
    settings = Settings.read()
    state: Any = _create_app(settings).state if whole else _light(settings)
    database: Database = state.database
    try:
        database.claim()
        transport = httpx.ASGITransport(operator_app(state), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://operator") as client:
            return await client.request(method, route, json=body)
    finally:
        await database.close()


def _light(settings: Settings) -> SimpleNamespace:
    """Return what most verbs work with: the database, the keys, and what is made of the two."""
    keyring = Keyring.open(settings.keys_dir)
    database = Database(settings.database_url)
    issuer = settings.public_url.rstrip("/")
    records = Records(PersonKeys(keyring.kek, RecordKey), kept=settings.records_kept)
    sequencer = sequencer_of(settings, database, keyring.log, records.write_genesis)
    return SimpleNamespace(
        database=database,
        records=records,
        log=LogVerbs(sequencer, records),
        tenants=Tenants(keyring.access, issuer, settings.access_token_lifetime),
        clients=Clients(),
        quotas=Quotas(database),
        holds=Holds(records),
        incidents=Incidents(records, Events(records)),
        signing_keys=SigningKeys(database, records, keyring, settings.pass_jwks_or_none()),
    )


def _print(value: Any) -> int:  # noqa: ANN401 - any JSON value
    for line in value if isinstance(value, list) else [value]:
        sys.stdout.write(json.dumps(line, ensure_ascii=False) + "\n")
    return 0


def _route(*parts: str) -> str:
    return "".join("/" + quote(part, safe="") for part in parts)


def _tenant(arguments: argparse.Namespace) -> int:
    if arguments.action == "list":
        return _print(_on_platform("GET", "/tenants"))
    if arguments.action == "create":
        if not arguments.name.isprintable():
            raise SettingsRefused("The tenant's name holds signs that cannot be printed.")
        body = {"name": arguments.name, "siren": arguments.siren}
        return _print(_on_platform("POST", "/tenants", body))
    if arguments.action in holds.ACTIONS:
        return _print(_on_platform(*holds.asked(arguments)))
    if arguments.action in {"quota", "policy"}:
        return _tenant_terms(arguments)
    if arguments.action == "set-siren":
        route = _route("tenants", arguments.tenant, "siren")
        return _print(_on_platform("PUT", route, {"siren": arguments.siren}, whole=True))
    method = "PUT" if arguments.action == "suspend" else "DELETE"
    route = _route("tenants", arguments.tenant, "suspension")
    return _print(_on_platform(method, route, whole=True))


_NO_LIMIT = "none"


def _tenant_terms(arguments: argparse.Namespace) -> int:
    if arguments.action == "quota":
        return _tenant_quota(arguments)
    policy = {"ceremony_code": arguments.ceremony_code == "on"}
    return _print(_on_platform("PUT", _route("tenants", arguments.tenant, "policy"), policy))


def _tenant_quota(arguments: argparse.Namespace) -> int:
    """Write down what a contract allows a month; what is not named stays as it is."""
    named = {kind: getattr(arguments, kind) for kind in map(str, QuotaKind)}
    try:
        body = {
            kind: None if number == _NO_LIMIT else int(number)
            for kind, number in named.items()
            if number is not None
        }
    except ValueError:
        raise SettingsRefused(f"Give a number a month, or `{_NO_LIMIT}`.") from None
    return _print(_on_platform("PUT", _route("tenants", arguments.tenant, "quotas"), body))


def _tenant_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="let an organisation in; its secret is shown once")
    create.add_argument("--name", required=True, help="the organisation's name")
    create.add_argument("--siren", help="its nine-digit SIREN")
    actions.add_parser("list", help="show the tenants")
    quota = actions.add_parser("quota", help="say what a tenant's contract allows a month")
    quota.add_argument("--tenant", required=True)
    for kind in QuotaKind:
        quota.add_argument(
            f"--{kind.policy}", metavar="N", help=f"a month; `{_NO_LIMIT}`: no limit"
        )
    policy = actions.add_parser("policy", help="say what a tenant's people are asked for")
    policy.add_argument("--tenant", required=True)
    policy.add_argument(
        "--ceremony-code", required=True, choices=["on", "off"],
        help="a one-time code, over the centre's channel, before each decision on a consent",
    )  # fmt: skip
    siren = actions.add_parser("set-siren", help="put the centre's own SIREN on record")
    siren.add_argument("tenant")
    siren.add_argument("siren")
    suspend = actions.add_parser("suspend", help="stop a tenant at once, and what runs for it")
    suspend.add_argument("tenant")
    resume = actions.add_parser("resume", help="lift a suspension")
    resume.add_argument("tenant")
    holds.arguments(actions)


def _client(arguments: argparse.Namespace) -> int:
    action = arguments.action
    if action == "list":
        query = f"?tenant={quote(arguments.tenant, safe='')}" if arguments.tenant else ""
        return _print(_on_platform("GET", f"/clients{query}"))
    if action == "create":
        jwks = None if arguments.jwks is None else _jwks(arguments.jwks)
        body = {
            "tenant": arguments.tenant,
            "name": arguments.name,
            "scopes": arguments.scope,
            "jwks": jwks,
            "dpop": arguments.dpop,
        }
        return _print(_on_platform("POST", "/clients", body))
    route = ("clients", arguments.client)
    if action == "rotate-secret":
        overlap = {"overlap_minutes": arguments.overlap}
        return _print(_on_platform("POST", _route(*route, "secret"), overlap))
    if action == "replace-jwks":
        keys = {"jwks": _jwks(arguments.jwks)}
        return _print(_on_platform("PUT", _route(*route, "jwks"), keys))
    return _print(_on_platform("DELETE", _route(*route)))


def _jwks(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return parse(path.read_bytes())
    except (OSError, NotStrictJson):
        raise SettingsRefused(f"{path} is no JSON file that can be read.") from None


def _client_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="register a client; its secret is shown once")
    create.add_argument("--tenant", required=True)
    create.add_argument("--name", help="what the client is, for whoever reads the list")
    create.add_argument(
        "--scope", action="append", default=[], choices=[str(s) for s in Scope], metavar="SCOPE",
        help="an area that it may enter; several times; without it, all",
    )  # fmt: skip
    create.add_argument("--jwks", type=Path, help="its public keys: private_key_jwt, no secret")
    create.add_argument(
        "--dpop", action="store_true", help="bind its tokens to a key that it proves (RFC 9449)"
    )
    listed = actions.add_parser("list", help="show the clients")
    listed.add_argument("--tenant", help="of this tenant only")
    rotate = actions.add_parser("rotate-secret", help="give a new secret, shown once")
    rotate.add_argument("client")
    rotate.add_argument(
        "--overlap", type=int, default=0, metavar="MINUTES",
        help="how long the old secret works beside it: 60 at most; without it, it is dead at once",
    )  # fmt: skip
    replace = actions.add_parser("replace-jwks", help="let it prove itself by these keys only")
    replace.add_argument("client")
    replace.add_argument("--jwks", type=Path, required=True)
    revoke = actions.add_parser("revoke", help="end a client for good")
    revoke.add_argument("client")


def _webhook(arguments: argparse.Namespace) -> int:
    answer = _on_platform("POST", webhooks.ROUTE, webhooks.asked(arguments))
    _print(answer)
    return 0 if answer["replayed"] else 1


def _destruction(_: argparse.Namespace) -> int:
    return _print(_on_platform("GET", destructions.ROUTE))


def _consent(arguments: argparse.Namespace) -> int:
    return _print(_on_platform("DELETE", consents.route(arguments), whole=True))


def _log(arguments: argparse.Namespace) -> int:
    # An audit reads everything: it takes as long as it takes.
    answer = _on_platform(*log.asked(arguments), patience=None)
    _print(answer)
    return 1 if arguments.action == "audit" and answer["verdict"] != "consistent" else 0


def _keys(arguments: argparse.Namespace) -> int:
    if arguments.action == "create":
        Keyring.create(arguments.folder)
        return _print({"keys": str(arguments.folder)})
    if arguments.action == "list":
        return _print(_on_platform("GET", "/keys"))
    if arguments.action == "rotate":
        return _print(_on_platform("POST", "/keys/rotation"))
    if arguments.action == "retire":
        return _print(_on_platform("DELETE", _route("keys", arguments.kid)))
    return _print(_on_platform("POST", _route("keys", arguments.kid, "revocation")))


def _keys_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make the keys that are missing")
    create.add_argument("--folder", type=Path, required=True)
    actions.add_parser("list", help="show the signing keys, their roles and dates")
    actions.add_parser("rotate", help="do what is due; run it every day")
    retire = actions.add_parser("retire", help="take away a key that does not sign")
    retire.add_argument("kid")
    revoke = actions.add_parser("revoke", help="emergency: every replica refuses it in a second")
    revoke.add_argument("kid")


def _rotate_keys(_: argparse.Namespace) -> int:
    settings = Settings.read()
    kek = KeyEncryptionKey.from_file(settings.keys_dir / KEK)
    tables = (ContentKey, RecordKey)
    return print_rewrapped(Wrapped("gateway", settings.database_url, kek, tables))


SERVICE = Service(
    package="gateway",
    settings=Settings,
    create_app=_create_app,
    document=_public_document,
    verbs=(
        WORK,
        Verb(
            "tenant",
            "create, list, suspend, resume, hold tenants; their quotas and policy",
            _tenant,
            _tenant_arguments,
        ),
        Verb("client", "register, list, renew or revoke clients", _client, _client_arguments),
        Verb("consent", "withdraw on a person's behalf", _consent, consents.arguments),
        Verb("destruction", "show what is not destroyed yet", _destruction, destructions.arguments),
        Verb("webhook", "send again what was given up", _webhook, webhooks.arguments),
        Verb("log", "audit the public log, its keys, its origin", _log, log.arguments),
        Verb("keys", "make, list, rotate or revoke signing keys", _keys, _keys_arguments),
        Verb("rotate-keys", "wrap content keys under the newest gateway.kek", _rotate_keys),
    ),
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
