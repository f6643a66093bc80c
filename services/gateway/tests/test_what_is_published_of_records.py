"""The published schema, the page of its fields, and the code say one and the same."""

import importlib
import json
import re
from pathlib import Path

import httpx
import pytest
from jsonschema import Draft202012Validator

from gateway.app import document
from gateway.consents.vocabulary import vocabulary
from gateway.records import publishing, schema
from gateway.records.fields import FIELDS, UNOBSERVED
from gateway.records.rules import Fact, Kind, record_of
from keel.clock import utc_now
from keel.identifiers import new_id

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("path", sorted(publishing.documents()))
def test_what_is_committed_is_what_the_code_says(path):
    assert (DOCS / path).read_text("utf-8") == publishing.documents()[path], "run `make schemas`"


def test_the_page_has_one_line_for_each_field_of_the_schema():
    page = (DOCS / "record-fields.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` \| [^|]+ \| `", page, re.MULTILINE)
    assert listed == [field.name for field in FIELDS]
    assert sorted(listed) == sorted(schema.schema()["$defs"])
    assert not set(listed) & set(UNOBSERVED)


@pytest.mark.parametrize("place", sorted({field.seen_at for field in FIELDS}))
def test_each_place_that_observes_is_there(place):
    module, names = place, []
    while True:
        try:
            found = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, name = module.rpartition(".")
            assert module, place
            names.insert(0, name)
    for name in names:
        found = getattr(found, name)


def test_the_schema_is_closed_and_has_no_floats_and_no_free_text():
    """I-1 and I-10: codes, ids, counts, instants; no text without a pattern or a list, no number."""
    made = schema.schema()
    Draft202012Validator.check_schema(made)

    def shapes(shape):
        if isinstance(shape, dict):
            yield shape
            for part in shape.values():
                yield from shapes(part)
        elif isinstance(shape, list):
            for part in shape:
                yield from shapes(part)

    for name, shape in made["$defs"].items():
        for part in shapes(shape):
            assert part.get("type") != "number", name
            if part.get("type") == "string":
                assert {"enum", "pattern", "format"} & set(part), f"{name} is free text"
            if part.get("type") == "object" and "properties" in part:
                assert part["additionalProperties"] is False, name


@pytest.mark.parametrize(
    "wrong",
    [
        {"automated_decision": True}, {"prompt": "Bonjour"}, {"evidence_coverage": 99.5},
        {"reviewer_name": "Anne"}, {"input_digest": None}, {"usage_input_tokens": "12"},
        {"finish_reason": "I stopped because the person is ill"},
    ],
)  # fmt: skip
def test_the_schema_refuses_what_no_record_may_say(wrong):
    """I-1, I-2, I-10; and GDPR 22(1): a true `automated_decision` is impossible by schema."""
    fact = Fact(Kind.AI_RESULT, new_id("tnt"), {"automated_decision": False})
    record = record_of(fact, record_id=new_id("rec"), occurred_at=utc_now())
    check = Draft202012Validator(schema.schema())
    assert check.is_valid(record)
    assert not check.is_valid({**record, "body": {**record["body"], **wrong}})
    assert not check.is_valid({**record, "occurred_at": "2026-11-23T10:12:05+01:00"})


def test_the_context_names_only_terms_of_the_published_vocabulary():
    iris = re.findall(r"https://w3id\.org/dpv[^\"]*", json.dumps(schema.context()))
    words = vocabulary()
    lists = (words.purposes, words.data_categories, words.legal_bases)
    known = {entry["dpv"]["iri"] for entries in lists for entry in entries.values()}
    assert iris
    assert set(iris) <= known


async def test_the_gateway_publishes_the_schema_to_everybody():
    app = document()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://gateway"
    ) as http:
        for name in (schema.NAME, schema.CONTEXT_NAME):
            answer = await http.get(f"/schemas/{name}")
            assert answer.status_code == 200
            assert answer.json() == json.loads((DOCS / "schemas" / name).read_text("utf-8"))
