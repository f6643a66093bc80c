"""DPoP (RFC 9449) as an integrator meets it: a client of our own making, and what is refused."""

import asyncio
import base64
import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from sqlalchemy import func, select

from gateway.keyring import Use, key_files
from gateway.tables import UsedAssertion
from gateway.tenants.clients import Clients
from gateway.tenants.service import Caller
from gateway.tenants.store import forget_ended
from keel.clock import utc_now
from keel.tokens import claims_unverified, new_jti

TOKEN = "http://gateway/oauth2/token"
RECORDS = "http://gateway/v1/records"
FORM = {"grant_type": "client_credentials"}


def b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value, size=32):
    return b64u(value.to_bytes(size, "big"))


def es256(key, signed):
    r, s = decode_dss_signature(key.sign(signed, ec.ECDSA(hashes.SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def public_jwk(key, crv="P-256", size=32):
    numbers = key.public_key().public_numbers()
    return {
        "kty": "EC", "crv": crv, "x": number(numbers.x, size), "y": number(numbers.y, size),
    }  # fmt: skip


def written(header, claims, sign):
    """Put a compact JWS together; header and claims may be bytes that are no JSON."""
    halves = [h if isinstance(h, bytes) else json.dumps(h).encode() for h in (header, claims)]
    signed = ".".join(b64u(half) for half in halves)
    return f"{signed}.{b64u(sign(signed.encode()))}"


@dataclass
class Holder:
    """Whoever holds a key, and proves it."""

    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    @property
    def jkt(self):
        members = json.dumps(public_jwk(self.key), sort_keys=True, separators=(",", ":"))
        return b64u(hashlib.sha256(members.encode()).digest())

    def sign(self, signed):
        return es256(self.key, signed)

    def header(self, **changed):
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": public_jwk(self.key), **changed}
        return {name: value for name, value in header.items() if value is not None}

    def claims(self, method, url, token=None, **changed):
        claims = {"jti": new_jti(), "htm": method, "htu": url, "iat": int(utc_now().timestamp())}
        if token is not None:
            claims["ath"] = b64u(hashlib.sha256(token.encode()).digest())
        return {name: value for name, value in {**claims, **changed}.items() if value is not None}

    def proof(self, method, url, token=None, head=None, **changed):
        claims = self.claims(method, url, token, **changed)
        return written(self.header(**(head or {})), claims, self.sign)


def bound(centre):
    """Make the centre's software one that holds a key, and proves it with each request."""

    class Bound(type(centre)):
        holder: Holder

        async def log_in(self, **form):
            answer = await draw(self.http, self, self.holder.proof("POST", TOKEN), **form)
            assert answer.status_code == 200, answer.text
            assert answer.json()["token_type"] == "DPoP"
            self.token = answer.json()["access_token"]

        async def call(self, method, path, **content):
            url = "http://gateway" + path
            headers = {
                "Authorization": f"DPoP {self.token}",
                "DPoP": self.holder.proof(method, url, self.token),
                **content.pop("headers", {}),
            }
            return await super().call(method, path, headers=headers, **content)

    made = Bound(centre.http, centre.tenant, centre.client_id, centre.client_secret)
    made.holder = Holder()
    return made


async def draw(http, client, proof, **form):
    headers = {} if proof is None else {"DPoP": proof}
    auth = (client.client_id, client.client_secret)
    return await http.post("/oauth2/token", data={**FORM, **form}, auth=auth, headers=headers)


@pytest.fixture
async def bearer(new_centre):
    """A centre whose software was not registered for it."""
    return await new_centre()


@pytest.fixture
async def centre(app, bearer):
    """Software of the same centre that was; every story of this file is its own."""
    async with app.state.database.begin() as session:
        client, secret = await Clients().create(
            session, bearer.tenant, scopes=[], name=None, jwks=None, dpop=True
        )
    made = bound(type(bearer)(bearer.http, bearer.tenant, client.id, secret))
    await made.log_in()
    return made


@pytest.fixture
def ask(centre):
    """Ask with these proofs, and say how it went: status, code, challenge."""

    async def asking(*proofs, token=None, scheme="DPoP", path="/v1/records", method="GET"):
        presented = f"{scheme} {token or centre.token}"
        headers = [("Authorization", presented), *(("DPoP", proof) for proof in proofs)]
        answer = await centre.http.request(method, path, headers=headers)
        challenge = answer.headers.get("www-authenticate")
        return answer.status_code, answer.json().get("code"), challenge

    return asking


LET_IN = (200, None, None)
NO_PROOF = (401, "token_invalid", 'DPoP error="invalid_dpop_proof", algs="ES256"')
NO_TOKEN = (401, "token_invalid", 'DPoP error="invalid_token", algs="ES256"')


async def kept(app, centre):
    async with app.state.database.begin(centre.tenant) as session:
        return await session.scalar(select(func.count()).select_from(UsedAssertion))


async def test_a_bilan_is_opened_and_a_consent_given_with_a_proof_for_each_request(
    centre, given, app
):
    assert claims_unverified(centre.token)["cnf"] == {"jkt": centre.holder.jkt}
    drawn = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()
    assert claims_unverified(drawn["consent_token"])["cnf"] == {"jkt": centre.holder.jkt}
    for token, kind in ((centre.token, "DPoP"), (drawn["consent_token"], "Consent-Token")):
        told = await centre.http.post(
            "/oauth2/introspect",
            data={"token": token},
            auth=(centre.client_id, centre.client_secret),
        )
        assert (told.json()["token_type"], told.json()["cnf"]["jkt"]) == (kind, centre.holder.jkt)


async def test_the_metadata_names_the_one_algorithm(gateway):
    found = (await gateway.get("/.well-known/oauth-authorization-server")).json()
    assert found["dpop_signing_alg_values_supported"] == ["ES256"]


async def test_software_that_was_not_registered_is_as_before_whatever_proof_it_sends(bearer):
    for proof in (None, "x", Holder().proof("POST", TOKEN)):
        drawn = (await draw(bearer.http, bearer, proof)).json()
        assert drawn["token_type"] == "Bearer"
        assert "cnf" not in claims_unverified(drawn["access_token"])
        bearer.token = drawn["access_token"]
        answer = await bearer.call("GET", "/v1/records", headers={"DPoP": "x"})
        assert answer.status_code == 200
    told = await bearer.http.post(
        "/oauth2/introspect",
        data={"token": bearer.token}, auth=(bearer.client_id, bearer.client_secret),
    )  # fmt: skip
    assert told.json()["token_type"] == "Bearer"
    assert "cnf" not in told.json()


async def test_a_bound_token_is_no_bearer_token_and_the_other_way_round(centre, bearer, ask):
    proof = centre.holder.proof("GET", RECORDS, centre.token)
    assert await ask(proof, scheme="Bearer") == NO_TOKEN
    assert await ask(scheme="Bearer") == NO_TOKEN
    stranger = centre.holder.proof("GET", RECORDS, bearer.token)
    assert await ask(stranger, token=bearer.token) == NO_TOKEN
    assert await ask(proof) == LET_IN


async def test_a_token_that_is_none_is_refused_in_the_scheme_that_it_came_with(centre, ask):
    proof = centre.holder.proof("GET", RECORDS, "x.y.z")
    assert await ask(proof, token="x.y.z") == NO_TOKEN
    assert (await ask(token="x.y.z", scheme="Bearer"))[2] == 'Bearer error="invalid_token"'
    missing = await centre.http.get("/v1/records")
    assert missing.headers["www-authenticate"] == 'Bearer, DPoP algs="ES256"'
    for scheme in ("DPoP", "dpop", "Basic"):
        answer = await centre.http.get("/v1/records", headers={"Authorization": scheme})
        assert (answer.status_code, answer.json()["code"]) == (401, "token_missing")


async def test_the_same_address_may_be_written_in_other_ways(centre, ask):
    for url in (
        "HTTP://GATEWAY/v1/records", "http://gateway:80/v1/records", "http://gateway/v1/re%63ords",
        "http://gateway/v1/records?limit=1", "http://gateway/v1/records#all",
    ):  # fmt: skip
        assert await ask(centre.holder.proof("GET", url, centre.token)) == LET_IN, url
    proof = centre.holder.proof("GET", RECORDS, centre.token)
    assert await ask(proof, path="/v1/records?limit=1") == LET_IN


async def test_what_rfc_9449_allows_is_taken(centre, ask):
    now = int(utc_now().timestamp())
    for changed in (
        {"iat": now - 50}, {"iat": now + 20}, {"exp": now + 60}, {"nbf": now}, {"nonce": "any"},
        {"jti": "é"}, {"head": {"jwk": {**public_jwk(centre.holder.key), "kid": "1", "use": "sig"}}},
    ):  # fmt: skip
        proof = centre.holder.proof("GET", RECORDS, centre.token, **changed)
        assert await ask(proof) == LET_IN, changed
    proof = centre.holder.proof("GET", RECORDS, centre.token)
    assert await ask(proof, scheme="dpop") == LET_IN


P384 = ec.generate_private_key(ec.SECP384R1())
RSA = rsa.generate_private_key(65537, 2048)
OKP = ed25519.Ed25519PrivateKey.generate()


def rs256(signed):
    return RSA.sign(signed, padding.PKCS1v15(), hashes.SHA256())


def es384(signed):
    r, s = decode_dss_signature(P384.sign(signed, ec.ECDSA(hashes.SHA384())))
    return r.to_bytes(48, "big") + s.to_bytes(48, "big")


def hs256(key):
    def sign(signed):
        code = hmac.HMAC(key, hashes.SHA256())
        code.update(signed)
        return code.finalize()

    return sign


def wrong_proofs(holder, method, url, token):
    """Every proof that proves nothing, by what is wrong with it."""
    now, jwk, stranger = int(utc_now().timestamp()), public_jwk(holder.key), Holder()
    n = RSA.public_key().public_numbers().n
    rsa_jwk = {"kty": "RSA", "n": number(n, 256), "e": "AQAB"}
    okp_jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64u(OKP.public_key().public_bytes_raw())}
    d = number(holder.key.private_numbers().private_value)

    def says(**changed):
        return holder.proof(method, url, token, **changed)

    def with_header(**changed):
        return says(head=changed)

    def raw(header, claims=None, sign=holder.sign):
        return written(header, claims or holder.claims(method, url, token), sign)

    good = says()
    head, body, signature = good.split(".")
    members = json.dumps(holder.header())[1:-1]
    claims = json.dumps(holder.claims(method, url, token))[1:-1]
    dates = {
        f"{name} {value!r}": says(**{name: value})
        for name in ("iat", "exp", "nbf")
        for value in (
            "soon",
            str(now),
            now + 0.5,
            True,
            [now],
            10**400,
            -1 if name != "nbf" else {},
        )
    }
    texts = {
        f"{name} {value!r:.12}": says(**{name: value})
        for name in ("htm", "htu", "jti")
        for value in ("", 7, True, [], {}, ["x"], "x" * 300 if name == "jti" else "x")
    }
    keys = {
        f"a jwk that is {value!r:.12}": with_header(jwk=value)
        for value in ("x", [], {}, 7, [jwk], {"keys": [jwk]}, True)
    }
    private = {
        f"a private member {name}": with_header(jwk={**jwk, name: d})
        for name in ("d", "k", "p", "q", "dp", "dq", "qi", "oth")
    }
    extra = {
        f"{name} beside": with_header(**{name: value})
        for name, value in {
            "kid": "1", "crit": ["exp"], "jku": "http://elsewhere", "x5c": [], "x5u": "http://e",
            "b64": True, "zip": "DEF", "enc": "A128GCM", "cty": "JWT",
        }.items()
    }  # fmt: skip
    return {
        "no proof": "",
        "something else": "x",
        "another method": holder.proof("PUT", url, token),
        "a method in small letters": holder.proof(method.lower(), url, token),
        "another path": holder.proof(method, url + "s", token),
        "another host": holder.proof(method, url.replace("gateway", "elsewhere"), token),
        "another port": holder.proof(method, url.replace("gateway", "gateway:8080"), token),
        "https": holder.proof(method, url.replace("http", "https"), token),
        "a path alone": holder.proof(method, url.removeprefix("http://gateway"), token),
        "somebody at the host": holder.proof(method, url.replace("gateway", "a:b@gateway"), token),
        "no such port": holder.proof(method, url.replace("gateway", "gateway:99999"), token),
        "half an address of six": holder.proof(method, url.replace("gateway", "[::"), token),
        "a blank in the address": holder.proof(method, url + " ", token),
        "a line in the address": holder.proof(method, url.replace("gateway/", "gateway/\n"), token),
        "no text in the address": holder.proof(method, url.replace("gateway/", "gateway/%ff"), token),
        "a minute old": says(iat=now - 61),
        "of yesterday": says(iat=now - 86_400),
        "of later": says(iat=now + 40),
        "an end that passed": says(exp=now - 1),
        "a beginning to come": says(nbf=now + 60),
        **{f"no {name}": says(**{name: None}) for name in ("htm", "htu", "iat", "jti")},
        **dates, **texts, **keys, **private, **extra,
        "a stranger's signature": raw(holder.header(), sign=stranger.sign),
        "no signature": f"{head}.{body}.",
        "two segments": f"{head}.{body}",
        "four segments": f"{good}.x",
        "a changed signature": f"{head}.{body}.{b64u(bytes(64))}",
        "a short signature": f"{head}.{body}.{signature[:-4]}",
        "another's claims": f"{head}.{says(jti='x').split('.')[1]}.{signature}",
        "padding": f"{head}=.{body}.{signature}",
        "the other alphabet": f"{head}+/.{body}.{signature}",
        "trailing bits": f"{head}.{body}.{signature[:-1]}{'B' if signature[-1] != 'B' else 'C'}",
        "not base64url": f"{head}.é.{signature}",
        "not JSON": raw(b"{"),
        "a list for a header": raw(b"[]"),
        "claims that are a list": raw(holder.header(), b"[]"),
        "a header member twice": raw(f'{{"alg":"none",{members}}}'.encode()),
        "a claim twice": raw(holder.header(), f'{{"htm":"PUT",{claims}}}'.encode()),
        "not UTF-8": raw(b'{"alg":"\xff"}'),
        "huge": says(pad="x" * 4096),
        "two in one": f"{says()},{says()}",
        "typ JWT": with_header(typ="JWT"),
        "no typ": with_header(typ=None),
        "typ in capitals": with_header(typ="DPOP+JWT"),
        "typ at+jwt": with_header(typ="at+jwt"),
        "no alg": with_header(alg=None),
        "no jwk": with_header(jwk=None),
        "a kid and no jwk": with_header(jwk=None, kid="1"),
        "alg none": raw(holder.header(alg="none")),
        "alg none, unsigned": raw(holder.header(alg="none"), sign=lambda _: b"")[:-1] + ".",
        "alg HS256": raw(holder.header(alg="HS256"), sign=hs256(json.dumps(jwk).encode())),
        "alg in a list": with_header(alg=["ES256"]),
        "an RSA key": raw(holder.header(alg="RS256", jwk=rsa_jwk), sign=rs256),
        "an RSA key called ES256": raw(holder.header(jwk=rsa_jwk), sign=rs256),
        "an Edwards key": raw(holder.header(alg="EdDSA", jwk=okp_jwk), sign=OKP.sign),
        "an Edwards key called ES256": raw(holder.header(jwk=okp_jwk), sign=OKP.sign),
        "another curve": raw(
            holder.header(alg="ES384", jwk=public_jwk(P384, "P-384", 48)), sign=es384
        ),
        "another curve called P-256": raw(
            holder.header(jwk=public_jwk(P384, "P-256", 48)), sign=es384
        ),
        "a key that is a secret": raw(
            holder.header(alg="HS256", jwk={"kty": "oct"}), sign=hs256(b"x" * 32)
        ),
        "not on the curve": with_header(jwk={**jwk, "x": jwk["y"]}),
        "the point of nowhere": with_header(jwk={**jwk, "x": number(0), "y": number(0)}),
        "no y": with_header(jwk={k: v for k, v in jwk.items() if k != "y"}),
        "a coordinate that is a number": with_header(jwk={**jwk, "x": 7}),
        "a coordinate written longer": with_header(
            jwk={**jwk, "x": b64u(b"\x00" + base64.urlsafe_b64decode(jwk["x"] + "="))}
        ),
        "a curve in small letters": with_header(jwk={**jwk, "crv": "p-256"}),
    }  # fmt: skip


def wrong_at_a_door(holder, method, url, token):
    """What is only wrong where a token comes with the proof."""
    return {
        "another key": Holder().proof(method, url, token),
        "no ath": holder.proof(method, url),
        "the ath of another token": holder.proof(method, url, token + "x"),
        "an ath in hex": holder.proof(
            method, url, ath=hashlib.sha256(token.encode()).hexdigest()
        ),
        "an ath that is a number": holder.proof(method, url, ath=7),
        "the access token itself": token,
    }  # fmt: skip


async def test_no_wrong_proof_enters(centre, ask):
    wrong = wrong_proofs(centre.holder, "GET", RECORDS, centre.token)
    wrong |= wrong_at_a_door(centre.holder, "GET", RECORDS, centre.token)
    assert len(wrong) > 100
    for case, proof in wrong.items():
        assert await ask(proof.encode()) == NO_PROOF, case
    assert await ask() == NO_PROOF
    two = [centre.holder.proof("GET", RECORDS, centre.token) for _ in range(2)]
    assert await ask(*two) == NO_PROOF
    assert [await ask(proof) for proof in two] == [LET_IN, LET_IN]


async def test_no_wrong_proof_draws_a_token(centre, app):
    rates = app.state.rates
    for window in (rates.wrong_client, rates.wrong_peer, rates.peer):
        window.quota = 0  # each of them counts as a wrong secret, and there are many
    wrong = wrong_proofs(centre.holder, "POST", TOKEN, None)
    for case, proof in wrong.items():
        answer = await draw(centre.http, centre, proof.encode())
        said = answer.json().get("error")
        assert (answer.status_code, said) == (400, "invalid_dpop_proof"), case
    assert (await draw(centre.http, centre, None)).json()["error"] == "invalid_dpop_proof"


@pytest.mark.parametrize("case", ["another key", "no ath", "a minute old", "alg none"])
async def test_a_wrong_proof_leaves_nothing_where_a_request_may_be_repeated(centre, app, case):
    url = "http://gateway/v1/beneficiaries"
    wrong = wrong_proofs(centre.holder, "POST", url, centre.token)
    wrong |= wrong_at_a_door(centre.holder, "POST", url, centre.token)
    before = await kept(app, centre)
    body = {"reference": "dossier 7"}
    answer = await centre.call(
        "POST", "/v1/beneficiaries", json=body, headers={"DPoP": wrong[case]}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert await kept(app, centre) == before
    assert (await centre.call("POST", "/v1/beneficiaries", json=body)).status_code == 201


async def test_a_proof_is_good_for_one_request_and_asked_for_once_in_it(centre, app):
    url, headers = "http://gateway/v1/beneficiaries", {"Idempotency-Key": "one"}
    headers["DPoP"] = centre.holder.proof("POST", url, centre.token)
    before = await kept(app, centre)
    body = {"reference": "dossier 7"}
    made = await centre.call("POST", "/v1/beneficiaries", json=body, headers=headers)
    assert made.status_code == 201
    assert await kept(app, centre) == before + 1
    again = await centre.call("POST", "/v1/beneficiaries", json=body, headers=headers)
    assert (again.status_code, again.headers["www-authenticate"]) == (401, NO_PROOF[2])
    # The same request again, as a client repeats it: a fresh proof under the same key.
    fresh = await centre.call(
        "POST", "/v1/beneficiaries", json=body, headers={"Idempotency-Key": "one"}
    )
    assert (fresh.status_code, fresh.json()) == (201, made.json())
    assert fresh.headers["idempotency-replayed"] == "true"


async def test_of_two_requests_with_one_proof_at_one_time_one_enters(centre, ask):
    for _ in range(5):
        proof = centre.holder.proof("GET", RECORDS, centre.token)
        both = await asyncio.gather(ask(proof), ask(proof))
        assert sorted(both, key=str) == [LET_IN, NO_PROOF]


async def test_a_proof_for_a_token_draws_one_also_where_it_was_refused(centre):
    proof = centre.holder.proof("POST", TOKEN)
    assert (await draw(centre.http, centre, proof, scope="moon")).status_code == 400
    again = await draw(centre.http, centre, proof)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
    assert again.headers["cache-control"] == "no-store"


async def test_two_machines_of_one_client_never_stand_in_each_others_way(centre, ask):
    first, second = centre.holder, Holder()
    drawn = (await draw(centre.http, centre, second.proof("POST", TOKEN))).json()["access_token"]
    for holder, token in ((first, centre.token), (second, drawn)):
        assert await ask(holder.proof("GET", RECORDS, token, jti="1"), token=token) == LET_IN
    assert await ask(first.proof("GET", RECORDS, drawn), token=drawn) == NO_PROOF


async def test_a_consent_token_goes_with_the_key_that_drew_it(app, centre, given, bilan):
    token = (await centre.call("POST", f"/v1/consents/{given['id']}/token")).json()["consent_token"]
    caller = Caller(centre.tenant, centre.client_id, frozenset(), None, jkt=centre.holder.jkt)
    assert app.state.consents.read_token(token, caller).consent == given["id"]
    run = {"mode": "assisted", "bilan": bilan.id, "document": "doc_" + "0" * 26}
    centre.holder = Holder()
    await centre.log_in(counsellor=bilan.counsellor)
    answer = await centre.call(
        "POST", "/v1/use-cases/cv-analysis/runs", json=run, headers={"Consent-Token": token}
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "consent_binding")


@pytest.mark.parametrize(
    "cnf", [None, {}, [], "x", {"jkt": 7}, {"jkt": "x"}, {"jkt": None}, {"jkt": "x" * 43, "x": 1}]
)
async def test_a_token_with_a_binding_that_we_never_write_is_none(app, centre, ask, cnf):
    keys = {file.use: file.key for file in key_files(app.state.keyring.folder)}
    token = keys[Use.ACCESS].sign("at+jwt", {**claims_unverified(centre.token), "cnf": cnf})
    assert await ask(centre.holder.proof("GET", RECORDS, token), token=token) == NO_TOKEN


async def test_a_token_of_bound_software_that_lost_its_binding_is_none(app, centre, ask):
    keys = {file.use: file.key for file in key_files(app.state.keyring.folder)}
    claims = {n: v for n, v in claims_unverified(centre.token).items() if n != "cnf"}
    token = keys[Use.ACCESS].sign("at+jwt", claims)
    assert (await ask(token=token, scheme="Bearer"))[:2] == (401, "token_invalid")


async def test_bound_software_has_no_long_lived_keys(centre, bearer, app):
    wanted = {"name": "SDK", "scopes": ["records:read"]}
    answer = await centre.call("POST", "/v1/api-keys", json=wanted)
    assert (answer.status_code, answer.json()["code"]) == (409, "client_proof")
    key = (await bearer.made("/v1/api-keys", wanted))["api_key"]
    proof = centre.holder.proof("GET", RECORDS, key)
    answer = await bearer.http.get(
        "/v1/records", headers={"Authorization": f"DPoP {key}", "DPoP": proof}
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")


async def test_what_was_used_is_remembered_until_nobody_would_take_it(app, centre):
    count = await kept(app, centre)
    assert count
    for later, left in ((timedelta(seconds=75), count), (timedelta(seconds=91), 0)):
        async with app.state.database.begin(centre.tenant) as session:
            await forget_ended(session, at=datetime.now(UTC) + later)
        assert await kept(app, centre) == left
