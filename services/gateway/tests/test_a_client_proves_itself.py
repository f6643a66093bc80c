"""OAuth 2.0 as an integrator meets it: a third party's library (Authlib), and what is refused."""

import base64
from urllib.parse import quote

import httpx
import pytest
from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import ECKey

from gateway.tenants.clients import Clients
from keel.clock import utc_now
from keel.tokens import new_jti

TOKEN = "http://gateway/oauth2/token"
INTROSPECT = "http://gateway/oauth2/introspect"
REVOKE = "http://gateway/oauth2/revoke"
ASSERTED = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
FORM = {"grant_type": "client_credentials"}


@pytest.fixture(autouse=True)
def _loopback(monkeypatch):
    monkeypatch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")


@pytest.fixture
def authlib(app):
    def client(client_id, secret, **given):
        transport = httpx.ASGITransport(app)
        return AsyncOAuth2Client(client_id, secret, transport=transport, **given)

    return client


KEY = ECKey.generate_key("P-256", parameters={"kid": "2026-11"})


@pytest.fixture
async def signing(app, centre):
    """A client of the centre that has a key and no secret; returns its id."""
    jwks = {"keys": [{**KEY.as_dict(private=False), "kid": "2026-11"}]}
    async with app.state.database.begin() as session:
        client, _ = await Clients().create(session, centre.tenant, scopes=[], name=None, jwks=jwks)
    return client.id


def assertion(client, key=KEY, header=None, **changed):
    now = int(utc_now().timestamp())
    claims = {
        "iss": client, "sub": client, "aud": TOKEN, "iat": now, "exp": now + 60, "jti": new_jti(),
        **changed,
    }  # fmt: skip
    head = {"alg": "ES256", "kid": "2026-11", **(header or {})}
    kept = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(kept, {n: v for n, v in claims.items() if v is not None}, key)


async def draw(gateway, token, **form):
    return await gateway.post(
        "/oauth2/token",
        data={**FORM, "client_assertion_type": ASSERTED, "client_assertion": token, **form},
    )


async def test_authlib_finds_draws_asks_and_gives_up_with_a_secret(authlib, gateway, centre):
    found = (await gateway.get("/.well-known/oauth-authorization-server")).json()
    metadata = AuthorizationServerMetadata(found)
    # Authlib wants https of an issuer; the rest of RFC 8414 is checked by its own rules.
    for member in metadata.REGISTRY_KEYS:
        if member in found and found[member] and not str(found[member]).startswith("http://"):
            getattr(metadata, f"validate_{member}")()
    async with authlib(
        centre.client_id, centre.client_secret, token_endpoint_auth_method="client_secret_basic"
    ) as client:
        token = await client.fetch_token(metadata["token_endpoint"], scope="people records:read")
        assert token["scope"] == "people records:read"
        assert (await client.get("http://gateway/v1/records")).status_code == 200
        told = await client.introspect_token(
            metadata["introspection_endpoint"], token=token["access_token"]
        )
        assert told.json()["active"] is True
        assert told.json()["scope"] == "people records:read"
        given_up = await client.revoke_token(
            metadata["revocation_endpoint"], token=token["access_token"]
        )
        assert given_up.status_code == 200
        told = await client.introspect_token(
            metadata["introspection_endpoint"], token=token["access_token"]
        )
        assert told.json() == {"active": False}
        refused = await client.get("http://gateway/v1/records")
        assert (refused.status_code, refused.json()["code"]) == (401, "token_invalid")


async def test_authlib_proves_itself_by_its_key(authlib, signing):
    method = PrivateKeyJWT(TOKEN, headers={"kid": "2026-11"}, alg="ES256")
    method.claims = {}
    async with authlib(signing, KEY, token_endpoint_auth_method="private_key_jwt") as client:
        expiring = int(utc_now().timestamp()) + 60
        client.register_client_auth_method(
            PrivateKeyJWT(TOKEN, {"exp": expiring}, {"kid": "2026-11"}, "ES256")
        )
        token = await client.fetch_token(TOKEN)
        assert (await client.get("http://gateway/v1/records")).status_code == 200
        client.register_client_auth_method(
            PrivateKeyJWT(TOKEN, {"exp": expiring}, {"kid": "2026-11"}, "ES256")
        )
        told = await client.introspect_token(INTROSPECT, token=token["access_token"])
        assert told.json()["client_id"] == signing


async def test_authlib_understands_our_refusals(authlib, centre):
    async with authlib(centre.client_id, "wrong") as client:
        with pytest.raises(OAuthError) as refused:
            await client.fetch_token(TOKEN)
        assert refused.value.error == "invalid_client"
    async with authlib(centre.client_id, centre.client_secret) as client:
        with pytest.raises(OAuthError) as refused:
            await client.fetch_token(TOKEN, scope="moon")
        assert (refused.value.error, bool(refused.value.description)) == ("invalid_scope", True)
        with pytest.raises(OAuthError) as refused:
            await client.fetch_token(TOKEN, grant_type="password", username="a", password="b")
        assert refused.value.error == "unsupported_grant_type"


async def test_the_metadata_is_true(gateway, app):
    answer = await gateway.get("/.well-known/oauth-authorization-server")
    found = answer.json()
    assert found["issuer"] == "http://gateway"
    assert answer.headers["cache-control"] == "public, max-age=300"
    for name in ("token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        assert (await gateway.post(found[name])).status_code == 401
    keys = await gateway.get(found["jwks_uri"])
    assert keys.headers["cache-control"] == "public, max-age=300"
    published = {key["kid"] for key in keys.json()["keys"]}
    ring = app.state.keyring
    assert published == {ring.access.kid, ring.consent.kid, ring.receipt.kid}
    assert not any("d" in key for key in keys.json()["keys"])


REFUSED = {
    "nothing": ({}, 400, "invalid_request"),
    "another grant": ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    "a scope of nobody's": ({**FORM, "scope": "people moon"}, 400, "invalid_scope"),
    "no counsellor's id": ({**FORM, "counsellor": "somebody"}, 400, "invalid_request"),
    "a counsellor of nobody's": ({**FORM, "counsellor": "usr_" + "0" * 26}, 401, "invalid_client"),
    "two clients": ({**FORM, "client_id": "cli_other"}, 400, "invalid_request"),
    "two secrets": ({**FORM, "client_secret": "x"}, 400, "invalid_request"),
    "a secret and an assertion": ({**FORM, "client_assertion": "x"}, 400, "invalid_request"),
    "an endless grant": ({"grant_type": "x" * 101}, 400, "invalid_request"),
}


async def test_a_refusal_is_oauths_and_ours(gateway, centre):
    for case, (form, status, error) in REFUSED.items():
        auth = (centre.client_id, centre.client_secret)
        answer = await gateway.post("/oauth2/token", data=form, auth=auth)
        said = answer.json()
        assert (answer.status_code, said["error"], said["code"]) == (status, error, error), case
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["cache-control"] == "no-store"
        assert said["error_description"].isascii()
        assert not set(said["error_description"]) & set('"\\')
        assert ("www-authenticate" in answer.headers) is (status == 401), case


async def test_a_parameter_that_comes_twice_is_refused(gateway, centre):
    answer = await gateway.post(
        "/oauth2/token",
        content="grant_type=client_credentials&scope=people&scope=bilans",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        auth=(centre.client_id, centre.client_secret),
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


NO_PROOF = [
    None, "", "Basic", "Basic ", "Basic %%%", "Bearer x",
    "Basic " + base64.b64encode(b"\xff:x").decode(),
    "Basic " + base64.b64encode(b"nobody").decode(),
    "Basic " + base64.b64encode(b"a\x00:x").decode(),
]  # fmt: skip


async def test_without_a_proof_nobody_enters(gateway):
    for route in ("token", "introspect", "revoke"):
        for header in NO_PROOF:
            headers = {} if header is None else {"Authorization": header}
            form = FORM if route == "token" else {"token": "x"}
            answer = await gateway.post(f"/oauth2/{route}", data=form, headers=headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), header
            assert answer.headers["www-authenticate"].startswith("Basic ")


async def test_a_secret_in_the_form_is_no_proof(gateway, centre):
    form = {**FORM, "client_id": centre.client_id, "client_secret": centre.client_secret}
    answer = await gateway.post("/oauth2/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_both_halves_of_basic_may_be_form_encoded(gateway, centre):
    halves = (quote(centre.client_id, safe=""), "%" + format(ord(centre.client_secret[0]), "X"))
    encoded = base64.b64encode(f"{halves[0]}:{halves[1]}{centre.client_secret[1:]}".encode())
    headers = {"Authorization": f"Basic {encoded.decode()}"}
    assert (await gateway.post("/oauth2/token", data=FORM, headers=headers)).status_code == 200


async def test_an_assertion_proves_the_client_once(gateway, signing):
    token = assertion(signing)
    assert (await draw(gateway, token)).status_code == 200
    again = await draw(gateway, token)
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    assert (await draw(gateway, assertion(signing), client_id=signing)).status_code == 200


async def test_an_assertion_is_used_up_also_where_the_request_is_refused(gateway, signing):
    token = assertion(signing)
    assert (await draw(gateway, token, scope="moon")).status_code == 400
    assert (await draw(gateway, token)).status_code == 401


async def test_what_rfc_7523_allows_is_taken(gateway, signing):
    for given in (
        {"aud": "http://gateway"},
        {"aud": [TOKEN]},
        {"iat": None},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": "client-authentication+jwt"}},
    ):
        assert (await draw(gateway, assertion(signing, **given))).status_code == 200, given


STRANGER = ECKey.generate_key("P-256", parameters={"kid": "2026-11"})
WRONG = {
    "another issuer": {"iss": "cli_other"},
    "another subject": {"sub": "cli_other"},
    "nobody's": {"iss": "cli_other", "sub": "cli_other"},
    "another audience": {"aud": "http://elsewhere/oauth2/token"},
    "two audiences": {"aud": [TOKEN, "http://elsewhere"]},
    "no audience": {"aud": None},
    "no end": {"exp": None},
    "an end in six minutes": {"exp": 6 * 60},
    "an end that passed": {"exp": -1},
    "an end that is a text": {"exp": "soon"},
    "an end that is a half": {"exp": 60.5},
    "issued later": {"iat": 40},
    "not valid yet": {"nbf": 40},
    "no jti": {"jti": None},
    "a jti that is a number": {"jti": 7},
    "an endless jti": {"jti": "j" * 256},
    "another kid": {"header": {"kid": "2026-12"}},
    "no kid": {"header": {"kid": None}},
    "a token of another kind": {"header": {"typ": "at+jwt"}},
    "one more header member": {"header": {"jku": "http://elsewhere"}},
    "a stranger's key": {"key": STRANGER},
}


async def test_an_assertion_that_does_not_hold_proves_nothing(gateway, signing):
    now = int(utc_now().timestamp())
    for case, changed in WRONG.items():
        given = dict(changed)
        for name in ("exp", "iat", "nbf"):
            if type(given.get(name)) in (int, float):
                given[name] += now
        answer = await draw(gateway, assertion(signing, **given))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client"), case
    assert (await draw(gateway, assertion(signing))).status_code == 200


async def test_an_assertion_goes_with_its_type(gateway, signing):
    form = {**FORM, "client_assertion": assertion(signing)}
    for kind in ({}, {"client_assertion_type": "jwt"}):
        answer = await gateway.post("/oauth2/token", data={**form, **kind})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_client_with_a_secret_is_not_proved_by_a_key_nor_the_other_way_round(
    gateway, centre, signing
):
    assert (await draw(gateway, assertion(centre.client_id))).status_code == 401
    for secret in ("", "None"):
        answer = await gateway.post("/oauth2/token", data=FORM, auth=(signing, secret))
        assert answer.status_code == 401


async def asked(gateway, centre, token, route="introspect"):
    auth = (centre.client_id, centre.client_secret)
    return await gateway.post(f"/oauth2/{route}", data={"token": token}, auth=auth)


async def consent_token(centre, given):
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token")
    assert answer.status_code == 200, answer.text
    return answer.json()["consent_token"]


async def test_a_consent_token_is_worth_what_its_row_says(gateway, centre, given, bilan):
    token = await consent_token(centre, given)
    told = (await asked(gateway, centre, token)).json()
    assert told["active"] is True
    assert (told["cid"], told["sub"], told["token_type"]) == (
        given["id"], bilan.beneficiary, "Consent-Token",
    )  # fmt: skip
    assert [detail["purpose"] for detail in told["authorization_details"]] == ["analysis"]
    await centre.call("DELETE", f"/v1/consents/{given['id']}")
    assert (await asked(gateway, centre, token)).json() == {"active": False}


async def test_a_token_of_another_client_or_tenant_looks_like_none(
    gateway, centre, new_centre, given, app
):
    other = await new_centre()
    async with app.state.database.begin() as session:
        beside, secret = await Clients().create(
            session, centre.tenant, scopes=[], name=None, jwks=None
        )
    sister = type(centre)(gateway, centre.tenant, beside.id, secret)
    for token in (centre.token, await consent_token(centre, given)):
        for stranger in (other, sister):
            answer = await asked(gateway, stranger, token)
            assert (answer.status_code, answer.json()) == (200, {"active": False})
            assert (await asked(gateway, stranger, token, "revoke")).status_code == 200
        assert (await asked(gateway, centre, token)).json()["active"] is True


async def test_no_token_at_all_is_inactive_and_may_be_given_up(gateway, centre):
    for token in ("x", "a.b.c", "é", "psk_x", "x" * 10_000):
        answer = await asked(gateway, centre, token)
        assert (answer.status_code, answer.json()) == (200, {"active": False})
        assert answer.headers["cache-control"] == "no-store"
        assert (await asked(gateway, centre, token, "revoke")).status_code == 200


async def test_a_consent_token_that_was_given_up_is_none_and_the_consent_stands(
    gateway, centre, given, bilan, app
):
    token, next_one = await consent_token(centre, given), await consent_token(centre, given)
    for _ in range(2):
        assert (await asked(gateway, centre, token, "revoke")).status_code == 200
    assert (await asked(gateway, centre, token)).json() == {"active": False}
    assert (await asked(gateway, centre, next_one)).json()["active"] is True
    run = {"mode": "assisted", "bilan": bilan.id, "document": "doc_" + "0" * 26}
    answer = await centre.call(
        "POST", "/v1/use-cases/cv-analysis/runs", json=run, headers={"Consent-Token": token}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "consent_token_invalid")
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token, consent_token=next_one)
    assert app.state.consents.read_token(next_one, caller).consent == given["id"]
