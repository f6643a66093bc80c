"""Texts, forms and conversations are handed to the anonymizer as they came, for an open bilan only."""

import pytest

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

HOW = {"policy": {"AGE": "generalise"}, "explain": True, "surrogates": "plausible"}
ASKED = [
    ("/v1/pseudonymisations", {"texts": [{"id": "a", "text": "Bonjour"}]}),
    ("/v1/pseudonymisations/values", {"value": {"nom": "Roux", "n": 1}, "labels": {"/nom": "PERSON"}}),
    ("/v1/pseudonymisations/messages", {"messages": [{"role": "user", "content": "Bonjour"}], "labels": {}}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "asked"), ASKED)
async def test_what_is_asked_reaches_the_anonymizer_whole_and_without_the_bilans_id(
    centre, bilan, path, asked
):
    answer = await centre.call("POST", path, json={"bilan": bilan.id, **asked, **HOW})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {**asked, **HOW}  # the double gives back what it was sent


@pytest.mark.parametrize(("path", "asked"), ASKED)
@pytest.mark.parametrize(
    "wrong",
    [{"policy": {"AGE": "round"}}, {"explain": "always"}, {"surrogates": "made up"}, {"beside": 1}],
)
async def test_what_is_not_of_the_shape_is_refused_here(centre, bilan, path, asked, wrong):
    answer = await centre.call("POST", path, json={"bilan": bilan.id, **asked, **wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(("path", "asked"), ASKED)
async def test_another_centres_bilan_does_not_exist(new_centre, bilan, path, asked):
    stranger = await new_centre()
    answer = await stranger.call("POST", path, json={"bilan": bilan.id, **asked})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
