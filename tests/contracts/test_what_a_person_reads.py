"""What the person's page calls a use of AI is what the catalogue calls it."""

from gateway.records.telling import USE_CASES
from llm_router.catalogue.service import UseCases


def test_each_use_case_has_its_title_of_the_catalogue():
    assert {case.id: case.title for case in UseCases.packaged().every()} == dict(USE_CASES)
