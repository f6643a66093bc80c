"""Writes what is published of records: `python -m gateway.records.publishing docs`."""

import json
import sys
from pathlib import Path

from gateway.records import schema
from gateway.records.rules import SCHEMA_VERSION

_PAGE = """# The fields of a transparency record

What each field of a record's `body` is, which kinds carry it, which function observes it, and what
it says when it is not there. A field is an observed fact, or it is absent: there is no null and no
default (`schemas/{name}`, version {version}). The page is made from
`services/gateway/src/gateway/records/fields.py` by `make schemas`; a test compares them, looks each
place up, and varies each fact at its source to see the field vary
(`services/gateway/tests/test_every_field_is_observed.py`).

The envelope around the body is that of section 7.1 of the profile: `v`, `id`, `kind`,
`occurred_at`, `tenant`, `beneficiary`, `bilan`, `client`, `act`, `consent` (`id`, `epoch`), `prev`.
The gateway's clock sets every instant; no client does.

Records of one use of AI that come after its first one say again what that one said of the use
(purpose, versions, consent, trace): they take it from there, and say nothing of it once it was
erased.

## What is observed

{table}

## What is not

Fields of the reference list that no body carries. What the product cannot observe yet is left out,
and not guessed.

{unobserved}

## Values that are not those of the reference list

- `oversight_level` is `H0` to `H3`, as cards and section 7.1 have it.
- `consent_scopes_*` are `purpose.…` and `data.…`, the two axes of the vocabulary of consent.
- `marking_applied.technique` has `document_property` beside the list: Word files hold their source
  type in their own properties.
- `reference_data.retrieved_at` is as precise as the source's own date: a year, a month or a day.
- `review_duration_s` is the time from the result's being there to the decision: an upper bound of
  what the review took, and data on a worker.
- `finish_reason` is one of four known words, or `other`: an upstream's own words are not kept.
"""


def documents() -> dict[str, str]:
    """Return each published document by its path under `docs/`."""
    page = _PAGE.format(
        name=schema.NAME,
        version=SCHEMA_VERSION,
        table=schema.table(),
        unobserved=schema.unobserved(),
    )
    return {
        f"schemas/{schema.NAME}": _json(schema.schema()),
        f"schemas/{schema.CONTEXT_NAME}": _json(schema.context()),
        "record-fields.md": page,
    }


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for path, content in documents().items():
        written = Path(sys.argv[1]) / path
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(content, "utf-8")
