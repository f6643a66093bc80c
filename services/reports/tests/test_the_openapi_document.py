"""The committed document is the application's own."""

from pathlib import Path

from keel.commands import render_document
from reports.app import document

COMMITTED = Path(__file__).parents[1] / "openapi.json"


def test_the_committed_document_is_current():
    assert COMMITTED.read_text() == render_document(document()), "run: python -m reports openapi"
