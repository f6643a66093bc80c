"""The gateway has a word for each special category and action that the anonymizer may answer."""

from anonymizer.special.rules import CONSENT_TO, Action, Category
from gateway.consents.vocabulary import vocabulary
from gateway.runs.facts import of_document


def said(category: Category, action: Action) -> dict:
    document = {
        "entity_counts": {},
        "special_categories": [{"category": category, "action": action}],
    }
    return of_document(document)


def test_each_category_has_a_code_of_its_own():
    codes = [said(c, Action.REMOVED)["special_categories_detected"][0] for c in Category]
    assert len(set(codes)) == len(Category)


def test_each_action_has_a_word():
    words = {
        action: said(Category.HEALTH, action)["special_categories_action"] for action in Action
    }
    assert words == {"removed": "removed", "blocked": "blocked", "kept": "kept_with_9_2_a"}


def test_each_category_but_offences_is_covered_by_a_consent_that_can_be_given():
    special = {c for c, entry in vocabulary().data_categories.items() if entry["special"]}
    assert set(CONSENT_TO) == set(Category) - {Category.CRIMINAL}
    assert set(CONSENT_TO.values()) == special
