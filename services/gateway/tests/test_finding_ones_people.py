"""A centre creates its people at once and finds them again, by references nobody else can read."""

import asyncio

from sqlalchemy import select

from gateway.tables import Beneficiary


async def test_many_are_created_at_once_and_a_duplicate_is_reported_not_doubled(centre):
    known = (await centre.made("/v1/beneficiaries", {"reference": "B-1"}))["id"]
    items = [{"reference": "B-1"}, {"reference": "B-2"}, {}, {}, {"reference": "B-2"}]
    made = await centre.made("/v1/beneficiaries/bulk", {"items": items})
    assert [one["outcome"] for one in made["items"]] == [
        "duplicate",
        "created",
        "created",
        "created",
        "duplicate",
    ]
    ids = [one["beneficiary"] for one in made["items"]]
    assert ids[0] == known
    assert ids[1] == ids[4]
    assert (made["created"], made["duplicates"], len(set(ids))) == (3, 2, 4)


async def test_five_hundred_are_created_in_one_call_and_listed_by_cursor(centre):
    items = [{"reference": f"dossier {n}"} for n in range(500)]
    made = await centre.made("/v1/beneficiaries/bulk", {"items": items})
    seen, after = [], ""
    while after is not None:
        suffix = f"&after={after}" if after else ""
        page = (await centre.call("GET", f"/v1/beneficiaries?limit=200{suffix}")).json()
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
    assert sorted(seen) == sorted(one["beneficiary"] for one in made["items"])
    one_more = await centre.call(
        "POST", "/v1/beneficiaries/bulk", json={"items": [{} for _ in range(501)]}
    )
    assert one_more.status_code == 422


async def test_a_person_is_found_again_by_reference_in_their_own_centre_only(centre, new_centre):
    made = await centre.made("/v1/beneficiaries", {"reference": "dossier 7"})
    sought = {"reference": "dossier 7"}
    found = await centre.call("POST", "/v1/beneficiaries/lookup", json=sought)
    assert found.json() == made
    other = await new_centre()
    assert (await other.call("POST", "/v1/beneficiaries/lookup", json=sought)).status_code == 404


async def test_a_second_person_of_one_reference_is_refused_and_the_first_named(centre):
    made = await centre.made("/v1/beneficiaries", {"reference": "dossier 8"})
    again = await centre.call("POST", "/v1/beneficiaries", json={"reference": "dossier 8"})
    assert (again.status_code, again.json()["code"]) == (409, "reference_taken")
    assert again.json()["beneficiary"] == made["id"]
    assert "dossier 8" not in again.text


async def test_of_two_at_once_one_is_created(centre):
    both = await asyncio.gather(
        *(centre.call("POST", "/v1/beneficiaries", json={"reference": "r"}) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in both) == [201, 409]


async def test_the_same_reference_leaves_another_trace_in_each_centre(app, centre, new_centre):
    digests = []
    for one in (centre, await new_centre()):
        await one.made("/v1/beneficiaries", {"reference": "dossier 9"})
        async with app.state.database.begin(one.tenant) as session:
            row = (await session.scalars(select(Beneficiary))).one()
            digests.append(row.reference_digest)
            assert b"dossier" not in row.reference + row.reference_digest
    assert digests[0] != digests[1]
