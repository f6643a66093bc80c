"""Another tenant's object and one that never was give the same answer, on every route there is.

The routes, their parameters and their bodies are read from the application's own document, the
objects from its own tables: whoever adds a route or a table is asked about it here. The same is
played once more on PostgreSQL with every filter of the application taken out of every statement:
row-level security alone must do.
"""

import json
import re
from datetime import date
from itertools import count

import httpx
import pytest
from sqlalchemy import JSON, Boolean, Integer, LargeBinary, event, inspect
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.app import document
from gateway.tables import Base
from keel.clock import utc_now
from keel.database import Instant
from keel.identifiers import new_id
from keel.tenancy import TenantOwned, TenantSession, _filter

LOCAL = {"id": "rcp_local-llm", "jurisdictions": ["FR"], "legal_name": "x", "route": "route.local"}
DOCUMENT = document().openapi()
IDENTIFIER = re.compile(r"^\^([a-z]{3})_\[0-7\]")
CONSTANTS = {
    "block_id": "blk_1",
    "version_file": "1.pdf",
    "use_case_id": "cv-analysis",
    "purpose": "analysis",
    "phase": "preliminary",
}
"""What stands in a path beside the ids of tenant-owned objects."""
_TENANTS_OWN_FILTER = re.compile(r"(?:\w+\.)?tenant = (\$\d+::VARCHAR)")


def _prefix(schema):
    found = IDENTIFIER.match(schema.get("pattern", ""))
    return found[1] if found else None


def _resolved(schema):
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        return _resolved(schema["anyOf"][0])
    if "oneOf" in schema:
        return _resolved(schema["oneOf"][0])
    return schema


def _example(schema, identify):
    """A value that the schema takes, with the ids that `identify` gives for their prefix."""
    schema = _resolved(schema)
    prefix = _prefix(schema)
    if prefix is not None:
        return identify(prefix)
    for given in ("const", "default"):
        if given in schema and schema[given] is not None:
            return schema[given]
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    return _of_type(schema, identify)


def _of_type(schema, identify):
    kind = schema.get("type")
    if kind == "object":
        members = schema.get("properties", {})
        wanted = set(schema.get("required", ())) | {n for n, s in members.items() if _names(s)}
        return {name: _example(members[name], identify) for name in members if name in wanted}
    if kind == "array":
        return [
            _example(schema["items"], identify) for _ in range(max(1, schema.get("minItems", 0)))
        ]
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return _text(schema)


def _names(schema):
    """Say whether a member is, or holds, an id."""
    schema = _resolved(schema)
    return _prefix(schema) is not None or ("items" in schema and _names(schema["items"]))


_PATTERNS = (
    "analysis",
    "cv",
    "rcp_local-llm",
    "FR",
    "A1201",
    "732829320",
    "a" * 64,
    "12",
    "2026-11",
    "https://example.org/hook",
)


def _text(schema):
    if schema.get("format") == "date":
        return date(2026, 11, 2).isoformat()
    if schema.get("format") == "date-time":
        return "2026-11-23T10:00:00Z"
    if schema.get("format") == "binary":
        return "word"
    pattern = schema.get("pattern")
    for text in _PATTERNS if pattern else ():
        if re.search(pattern, text) and len(text) >= schema.get("minLength", 0):
            return text
    return "x" * max(1, schema.get("minLength", 1))


def _calls():
    """Every operation that names an object: method, path, how it is named."""
    for path, operations in DOCUMENT["paths"].items():
        for method, operation in operations.items():
            parameters = operation.get("parameters", ())
            named = [p for p in parameters if p["in"] != "header" and _names(p["schema"])]
            body = operation.get("requestBody", {}).get("content", {})
            schema = next((c["schema"] for c in body.values()), None)
            if path.startswith("/v1/") and (named or (schema and _names_deeply(schema))):
                yield pytest.param(method, path, operation, id=f"{method.upper()} {path}")


def _names_deeply(schema):
    schema = _resolved(schema)
    members = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
    return _prefix(schema) is not None or any(_names_deeply(member) for member in members)


def _asked(parameter):
    return parameter.get("required") or _names(parameter["schema"])


def _request(method, path, operation, identify):
    """The request that names the objects of `identify` wherever it can name one."""
    query, headers = {}, {"If-Match": "*"}
    for parameter in operation.get("parameters", ()):
        name, schema = parameter["name"], parameter["schema"]
        if parameter["in"] == "path":
            value = identify(_prefix(_resolved(schema))) if _names(schema) else CONSTANTS[name]
            path = path.replace("{" + name + "}", value)
        elif parameter["in"] == "query" and name != "after" and _asked(parameter):
            query[name] = _example(schema, identify)
    content = {}
    body = operation.get("requestBody", {}).get("content", {})
    if "application/json" in body:
        content["json"] = _example(body["application/json"]["schema"], identify)
    elif body:
        (schema,) = (c["schema"] for c in body.values())
        fields = _example(schema, identify)
        content["data"] = {k: v for k, v in fields.items() if k != "file"}
        content["files"] = {"file": ("a.txt", b"word", "text/plain")}
    return method.upper(), path, {"params": query, "headers": headers, **content}


def _filler(column, ids):
    if column.name in ids:
        return ids[column.name]
    if column.nullable:
        return None
    kind = column.type
    if isinstance(kind, Instant):
        return utc_now()
    for of, value in ((Boolean, False), (LargeBinary, b"x" * 32), (JSON, {}), (Integer, 1)):
        if isinstance(kind, of):
            return value
    return "x"


PREFIX_OF_TABLE = {
    "api_keys": "key", "assignments": "asg", "beneficiaries": "ben", "bilans": "bil",
    "clients": "cli", "consents": "cns", "contestations": "ctn", "counsellors": "usr",
    "deliveries": "dlv", "documents": "doc", "events": "evt", "personal_codes": "cod",
    "qualifications": "qlf", "records": "rec", "reports": "rep", "restrictions": "rst",
    "runs": "run", "secrecy_acceptances": "sec", "webhook_endpoints": "whk",
    "interviews": "itv", "shares": "shr", "retention_agreements": "agr",
    "bilan_agreements": "bag", "conventions": "cvn", "destructions": "dst", "legal_holds": "hld", "incidents": "inc", "disclosures": "dsc",
}  # fmt: skip
"""Tables whose rows have an id; the others are told apart by something else."""


async def _furnish(app, tenant):
    """Give a tenant one row in every table that it can own; returns an id for each prefix."""
    numbers = count()
    ids = {"tenant": tenant}
    named = {}
    async with app.state.database.begin(tenant) as session:
        for table in Base.metadata.sorted_tables:
            mapper = next((m for m in Base.registry.mappers if m.local_table is table), None)
            if mapper is None or not issubclass(mapper.class_, TenantOwned):
                continue
            if "id" in table.c:
                prefix = PREFIX_OF_TABLE[table.name]
                named[prefix] = new_id(prefix)
                ids["id"] = named[prefix]
            row = mapper.class_(
                **{a.key: _filler(a.columns[0], ids) for a in inspect(mapper.class_).column_attrs}
            )
            for unique in ("ceremony_sha256", "secret_sha256", "token_sha256"):
                if hasattr(row, unique):
                    setattr(row, unique, next(numbers).to_bytes(32, "big"))
            session.add(row)
            await session.flush()
            ids.pop("id", None)
            ids |= {name: named[prefix] for name, prefix in NAMES.items() if prefix in named}
    return named


NAMES = {
    "beneficiary": "ben", "counsellor": "usr", "bilan": "bil", "consent": "cns", "client": "cli",
    "record": "rec", "document": "doc", "run": "run", "report": "rep", "event": "evt",
    "endpoint": "whk", "destruction": "dst",
}  # fmt: skip
"""Columns that point at another object, by the prefix of what they point at."""


@pytest.fixture
async def theirs(app, new_centre):
    """An id for each prefix: objects that another tenant really has."""
    other = await new_centre()
    return await _furnish(app, other.tenant)


CARD = {
    "id": "cv-analysis", "modes": ["computed"], "without_ai": "", "purpose": "analysis",
    "data_categories": ["cv"],
}  # fmt: skip


def _inside(request):
    """The services behind the gateway, which know nothing of anybody here."""
    if request.url.path.startswith("/use-cases/"):
        return httpx.Response(200, json=CARD)
    if request.url.path == "/recipients":
        return httpx.Response(200, json={"items": [LOCAL]})
    return httpx.Response(404, json={"code": "not_found", "title": "", "status": 404, "detail": ""})


@pytest.fixture
async def asked_as_us(app, centre, bilan):
    """Make the same call twice: about their objects, and about objects that nobody has."""

    for client in app.state.services.clients.values():
        client._transport = httpx.MockTransport(_inside)

    async def ask(method, path, operation, identify):
        verb, where, content = _request(method, path, operation, identify)
        try:
            answer = await centre.call(verb, where, **content)
        except Exception as crash:  # noqa: BLE001 - only where theirs was found, and broke
            return 500, type(crash).__name__
        body = answer.json() if answer.content else {}
        told = json.dumps({k: v for k, v in body.items() if k != "trace_id"}, sort_keys=True)
        return answer.status_code, told

    return ask


def _nobodys(prefix):
    return new_id(prefix)


REFUSED_UNSEEN = {"POST /v1/api-keys": 403}
"""Refused before anybody looks for the object: a token that acts for a counsellor makes keys for
no other, whoever's they are. Everywhere else it is the same 404."""


async def _told_apart(theirs, ask):
    """The operations whose answer tells their object from nobody's, or gives theirs away."""
    different = []
    for call in _calls():
        method, path, operation = call.values
        about_theirs = await ask(method, path, operation, lambda p: theirs.get(p) or new_id(p))
        about_nobodys = await ask(method, path, operation, _nobodys)
        absent = (
            about_theirs[0] == REFUSED_UNSEEN.get(call.id, 404) or '"items": []' in about_theirs[1]
        )
        if _lists_all(operation):  # names no object: it shows ours, and none of theirs
            absent = not any(known in about_theirs[1] for known in theirs.values())
        if about_theirs != about_nobodys or not absent:
            different.append((call.id, about_theirs, about_nobodys))
    return different


def _lists_all(operation):
    named = {p["name"] for p in operation.get("parameters", ()) if _names(p["schema"])}
    return named == {"after"} and "requestBody" not in operation


async def test_theirs_and_nobodys_are_answered_alike(theirs, asked_as_us):
    assert await _told_apart(theirs, asked_as_us) == []


@pytest.fixture
def no_filter_of_ours(app):
    """Take the tenant out of every condition that the application sends, hook and argument."""

    def unfiltered(_c, _cursor, statement, parameters, _context, _many):
        return _TENANTS_OWN_FILTER.sub(r"(\1 IS NOT NULL)", statement), parameters

    engine = app.state.database.engine.sync_engine
    event.remove(TenantSession, "do_orm_execute", _filter)
    event.listen(engine, "before_cursor_execute", unfiltered, retval=True)
    yield
    event.listen(TenantSession, "do_orm_execute", _filter)


@pytest.mark.parametrize("migrated", ["postgresql"], indirect=True)
class TestRowLevelSecurityAlone:
    @pytest.mark.usefixtures("no_filter_of_ours")
    async def test_answers_theirs_and_nobodys_alike(self, theirs, asked_as_us):
        assert await _told_apart(theirs, asked_as_us) == []

    @pytest.mark.usefixtures("no_filter_of_ours")
    async def test_is_what_does_it_for_without_it_theirs_are_found(self, app, theirs, asked_as_us):
        await _take_policies_away(app.state.database.url)
        assert len(await _told_apart(theirs, asked_as_us)) > 5


async def _take_policies_away(url):
    owner = create_async_engine(re.sub(r"//[^@]*@", "//postgres@", url))
    async with owner.begin() as connection:
        for table in Base.metadata.tables:
            await connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    await owner.dispose()
