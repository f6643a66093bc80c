"""The public OpenAPI document, assembled from the gateway's routes and the services' shapes.

A relayed route names the shape of its answer as `x-schema: service#Name`; the shape is taken from
the service's own committed document, with all that it refers to. An integrator sees no seams.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_REF = "#/components/schemas/"


class ShapeMissing(Exception):  # noqa: N818 - read by whoever changes an API
    """A route names a shape that the service's document does not have."""


def assemble(own: dict[str, Any], services: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the public document; `services` are their documents by folder name.

    Raises:
        ShapeMissing: a route relays a shape that its service does not declare.
    """
    document: dict[str, Any] = json.loads(json.dumps(own))
    schemas = document["components"]["schemas"]
    adopted: dict[tuple[str, str], str] = {}
    for response in _responses(document):
        named = response.pop("x-schema", None)
        if named is None:
            continue
        service, _, name = named.partition("#")
        local = _adopt(schemas, adopted, services, service, name)
        response.setdefault("description", "Successful Response")
        response["content"] = {"application/json": {"schema": {"$ref": _REF + local}}}
    for path in document["paths"].values():
        for operation in path.values():
            operation.pop("x-secret-members", None)
    return document


def _responses(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path in document["paths"].values():
        for operation in path.values():
            yield from operation["responses"].values()


def _adopt(
    schemas: dict[str, Any],
    adopted: dict[tuple[str, str], str],
    services: Mapping[str, Mapping[str, Any]],
    service: str,
    name: str,
) -> str:
    """Copy a shape with all that it refers to, once; returns the name that it has here."""
    theirs = services[service]["components"]["schemas"]
    if name not in theirs:
        raise ShapeMissing(f"{service} declares no {name}")
    fresh = [n for n in _closure(theirs, name) if (service, n) not in adopted]
    prefix = service.title().replace("-", "")
    for original in fresh:
        free = original not in schemas or schemas[original] == theirs[original]
        adopted[service, original] = original if free else prefix + original
    names = {n: local for (owner, n), local in adopted.items() if owner == service}
    for original in fresh:
        schemas[names[original]] = _renamed(theirs[original], names)
    return names[name]


def _closure(theirs: Mapping[str, Any], name: str) -> list[str]:
    found, waiting = [], [name]
    while waiting:
        current = waiting.pop()
        if current not in found:
            found.append(current)
            waiting += [ref.removeprefix(_REF) for ref in _refs(theirs[current])]
    return found


def _refs(node: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from _refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from _refs(value)


def _renamed(node: Any, names: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(node, dict):
        return {
            key: _REF + names[value.removeprefix(_REF)]
            if key == "$ref" and isinstance(value, str)
            else _renamed(value, names)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [_renamed(value, names) for value in node]
    return node


def service_documents(root: Path) -> dict[str, dict[str, Any]]:
    """Read the committed documents of the inside services below `services/`."""
    names = ("anonymizer", "llm-router", "labour-market", "reports")
    return {name: json.loads((root / name / "openapi.json").read_text("utf-8")) for name in names}
