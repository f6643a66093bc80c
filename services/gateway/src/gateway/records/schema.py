"""The published JSON Schema of records, its JSON-LD context, and the table of its fields.

All three are made from `records/fields.py` (`make schemas` writes them to `docs/`); a test compares
what is committed with what is made.
"""

from typing import Any

from gateway.consents.vocabulary import Entries, vocabulary
from gateway.records.fields import FIELDS, INSTANT, UNOBSERVED, Field, of_kind
from gateway.records.rules import DEPLOYMENT, SCHEMA_VERSION, Kind

NAME = "transparency-record.v1.schema.json"
CONTEXT_NAME = "transparency-record.v1.context.jsonld"
_ULID = "[0-9A-HJKMNP-TV-Z]{26}"
_LICENCE = "https://creativecommons.org/licenses/by/4.0/"


def _id(prefix: str) -> dict[str, Any]:
    return {"type": "string", "pattern": f"^{prefix}_{_ULID}$"}


def schema() -> dict[str, Any]:
    """Return the schema of a record (JSON Schema 2020-12): closed, one shape of body a kind."""
    kinds = sorted(Kind)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Passerelle transparency record",
        "description": (
            "A private record of the transparency log (AI Act arts 12, 19, 26, 50). A field is an "
            "observed fact, or absent. Version "
            f"{SCHEMA_VERSION}. Licence: CC BY 4.0, {_LICENCE}"
        ),
        "$comment": f"License: {_LICENCE}",
        "type": "object",
        "properties": {
            "v": {"const": 1},
            "id": _id("rec"),
            "kind": {"type": "string", "enum": [str(kind) for kind in kinds]},
            "occurred_at": INSTANT,
            "tenant": {"type": "string", "pattern": f"^(?:tnt_{_ULID}|{DEPLOYMENT})$"},
            "beneficiary": _id("ben"),
            "bilan": _id("bil"),
            "client": {"type": "string", "minLength": 1, "maxLength": 64},
            "act": _id("usr"),
            "consent": {
                "type": "object",
                "properties": {
                    "id": _id("cns"),
                    "epoch": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
                },
                "required": ["id"],
                "additionalProperties": False,
            },
            "prev": _id("rec"),
            "body": {"type": "object"},
        },
        "required": ["v", "id", "kind", "occurred_at", "tenant", "body"],
        "additionalProperties": False,
        "allOf": [_of(kind) for kind in kinds],
        "$defs": {field.name: dict(field.shape) for field in FIELDS},
    }


def body_of(kind: Kind) -> dict[str, Any]:
    """Return the schema of the body of one kind alone, for whoever checks many of them."""
    body: dict[str, Any] = _of(kind)["then"]["properties"]["body"]
    return {"type": "object", **body, "$defs": schema()["$defs"]}


def _of(kind: Kind) -> dict[str, Any]:
    names = sorted(of_kind(kind))
    return {
        "if": {"properties": {"kind": {"const": str(kind)}}},
        "then": {
            "properties": {
                "body": {
                    "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names},
                    "required": ["retention_class", "schema_version"],
                    "additionalProperties": False,
                }
            }
        },
    }


def context() -> dict[str, Any]:
    """Return an optional JSON-LD context: fields as terms of the schema, values as terms of DPV.

    Only values of the vocabulary of consent have a DPV term (`docs/consent-vocabulary.md`); the
    others stay words of this schema.
    """
    words = vocabulary()
    bases = {"6.1.a": words.legal_bases["consent"], "9.2.a": words.legal_bases["explicit_consent"]}
    return {
        "@context": {
            "@version": 1.1,
            "@vocab": f"{NAME}#",
            "purpose_code": _terms(words.purposes),
            "input_categories": _terms(words.data_categories),
            "legal_basis": _terms({"6.1.a": bases["6.1.a"]}),
            "special_category_basis": _terms({"9.2.a": bases["9.2.a"]}),
        }
    }


def _terms(entries: Entries) -> dict[str, Any]:
    iris = {word: entry["dpv"]["iri"] for word, entry in entries.items()}
    return {"@type": "@vocab", "@context": iris}


def table() -> str:
    """Return the lines of the table of fields (Markdown): name, kinds, place, absence."""
    lines = ["| field | kinds | observed by | absent means |", "|---|---|---|---|"]
    lines += [_line(field) for field in FIELDS]
    return "\n".join(lines)


def _line(field: Field) -> str:
    kinds = "every kind" if len(field.kinds) == len(Kind) else ", ".join(sorted(field.kinds))
    return f"| `{field.name}` | {kinds} | `{field.seen_at}` | {field.absent} |"


def unobserved() -> str:
    """Return the lines of the fields that no body carries (Markdown)."""
    lines = ["| field | why |", "|---|---|"]
    lines += [f"| `{name}` | {why} |" for name, why in UNOBSERVED.items()]
    return "\n".join(lines)
