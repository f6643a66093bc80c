"""A body is read as what it says it is, and refused where it says something else."""

import pytest

SESSIONS = ("/consent/session", "/me/session", "/consent/withdrawal/session")


@pytest.mark.parametrize("path", SESSIONS)
@pytest.mark.parametrize("charset", ["undefined", "utf-7", "punycode", "unicode_escape", "latin-1"])
async def test_a_form_in_another_charset_is_refused_unread(gateway, path, charset):
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    body = b'--x\r\nContent-Disposition: form-data; name="secret"\r\n\r\n+2AA-\r\n--x--\r\n'
    answer = await gateway.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code == 415


@pytest.mark.parametrize("path", SESSIONS)
async def test_an_origin_that_is_none_is_another_site(gateway, path):
    answer = await gateway.post(path, data={"secret": "x"}, headers={"Origin": "http://[::1"})
    assert answer.status_code == 403


@pytest.mark.parametrize("kind", ["text/xml", "application/x-www-form-urlencoded", "text/plain"])
async def test_json_under_another_name_is_415(centre, kind):
    answer = await centre.call(
        "POST", "/v1/counsellors", content=b"{}", headers={"Content-Type": kind}
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type")


async def test_json_of_another_shape_is_still_a_matter_of_its_fields(centre):
    answer = await centre.call("POST", "/v1/counsellors", json=[])
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(("path", "to"), [("/me", "/me/"), ("/consent", "/consent/")])
async def test_a_missing_slash_leads_on_whatever_host_is_named(gateway, path, to):
    answer = await gateway.get(path, headers={"Host": "evil.example"})
    assert (answer.status_code, answer.headers["location"]) == (303, to)


async def test_no_other_path_is_mended_by_a_redirect(gateway):
    answer = await gateway.post("/oauth2/token/", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_repeat_may_be_spaced_otherwise(centre):
    headers = {"Content-Type": "application/json", "Idempotency-Key": "spaced"}
    first = await centre.call("POST", "/v1/counsellors", content=b"{}", headers=headers)
    again = await centre.call("POST", "/v1/counsellors", content=b" { } ", headers=headers)
    assert again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
