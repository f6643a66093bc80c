"""The negative set of both kinds of token, over HTTP (profile section 9, point 2)."""

import json
import time
from dataclasses import dataclass
from statistics import median
from typing import Any

import pytest

from gateway.keyring import Use, key_files
from keel.tokens import SigningKey, TokenRefused, claims_unverified

LIMIT = 0.05
"""Seconds in which each is refused."""


@dataclass
class Kind:
    """A kind of token, and how it is presented."""

    typ: str
    key: SigningKey
    claims: dict[str, Any]
    code: str

    def says(self, **changed):
        return self.key.sign(self.typ, {**self.claims, **changed})

    def without(self, name):
        return self.key.sign(self.typ, {n: v for n, v in self.claims.items() if n != name})


@pytest.fixture
async def drawn(centre, given):
    """A consent token of the centre, really drawn."""
    answer = await centre.call("POST", f"/v1/consents/{given['id']}/token")
    return answer.json()["consent_token"]


@pytest.fixture
def kinds(app, centre, drawn):
    keys = {f.use: f.key for f in key_files(app.state.keyring.folder)}
    return {
        "access": Kind(
            "at+jwt", keys[Use.ACCESS], claims_unverified(centre.token), "token_invalid"
        ),
        "consent": Kind(
            "consent+jwt", keys[Use.CONSENT], claims_unverified(drawn), "consent_token_invalid"
        ),
    }


NO_TEXT = (None, 1, True, [], {}, "", "a\x00b", "x" * 500)
NO_NUMBER = (None, "1", True, 1.0, [1], {})
NO_DETAIL = (
    None, "x", {}, [None], [{}], ["x"],
    [{"type": "bct.processing/v2", "purpose": "analysis", "data_categories": [], "recipients": [], "jurisdictions": []}],
    [{"type": "bct.processing/v1", "purpose": ["analysis"], "data_categories": [], "recipients": [], "jurisdictions": []}],
    [{"type": "bct.processing/v1", "purpose": "analysis", "data_categories": "cv", "recipients": [], "jurisdictions": []}],
    [{"type": "bct.processing/v1", "purpose": "analysis", "data_categories": [1], "recipients": [], "jurisdictions": []}],
    [{"type": "bct.processing/v1", "purpose": "analysis", "data_categories": [], "recipients": []}],
)  # fmt: skip


def misshapen(kind, texts, number, **others):
    """What our own key would never sign: each claim in turn of another type."""
    made = {}
    for name in texts:
        made |= {f"{name} {value!r:.20}": kind.says(**{name: value}) for value in NO_TEXT}
        made[f"no {name}"] = kind.without(name)
    made |= {f"{number} {value!r}": kind.says(**{number: value}) for value in NO_NUMBER}
    made[f"no {number}"] = kind.without(number)
    for name, values in others.items():
        made |= {f"{name} {n}": kind.says(**{name: value}) for n, value in enumerate(values)}
    return made


def negative_set(kinds, forged):
    access, consent = kinds["access"], kinds["consent"]
    mine = {
        "access": misshapen(
            access, ("client_id", "tenant", "scope", "jti"), "cle",
            act=(None, 1, "x", [], {}, {"sub": 1}, {"sub": None}, {"sub": "\x00"}),
        ) | {
            "a client of nobody's": access.says(client_id="cli_x", sub="cli_x"),
            "a tenant of nobody's": access.says(tenant="tnt_x"),
            "another subject than the client": access.says(sub="cli_x"),
            "an epoch that was": access.says(cle=access.claims["cle"] - 1),
            "an epoch that is not yet": access.says(cle=access.claims["cle"] + 1),
            "a huge epoch": access.says(cle=10**30),
            "lives for sixteen minutes": access.says(exp=access.claims["iat"] + 960),
            "a consent token of our own": consent.key.sign(consent.typ, consent.claims),
            "a consent token called an access token": consent.key.sign(access.typ, consent.claims),
            "a consent token's key": consent.key.sign(access.typ, access.claims),
        },
        "consent": misshapen(
            consent, ("sub", "client_id", "tenant", "cid", "jti"), "cep",
            authorization_details=NO_DETAIL,
        ) | {
            "lives for eleven minutes": consent.says(exp=consent.claims["iat"] + 660),
            "an access token of our own": access.key.sign(access.typ, access.claims),
            "an access token called a consent token": access.key.sign(consent.typ, access.claims),
            "an access token's key": access.key.sign(consent.typ, consent.claims),
        },
    }  # fmt: skip
    return {
        name: forged(kind.key, kind.typ, kind.claims) | mine[name] for name, kind in kinds.items()
    }


@pytest.fixture
def present(centre, bilan):
    """Present a token of either kind where it is asked for."""
    run = {"mode": "assisted", "bilan": bilan.id, "document": "doc_" + "0" * 26}

    async def ask(kind, token):
        if kind == "access":
            headers = {"Authorization": b"Bearer " + token.encode()}
            return await centre.http.get("/v1/records", headers=headers)
        headers = {"Consent-Token": token.encode()}
        return await centre.call(
            "POST", "/v1/use-cases/cv-analysis/runs", json=run, headers=headers
        )

    return ask


async def refused(kinds, present, kind, tokens):
    """Present each; return those that were not refused as what they are, and the times taken.

    Processor time beside the clock's: on a machine that is busy with other things, the clock
    measures those too.
    """
    wrong, taken = [], []
    for name, token in tokens:
        began, worked = time.perf_counter(), time.process_time()
        answer = await present(kind, token)
        clock, work = time.perf_counter() - began, time.process_time() - worked
        taken.append((clock, work, kind, name))
        if (answer.status_code, answer.json()["code"]) != (401, kinds[kind].code):
            wrong.append((kind, name, answer.status_code, answer.text[:200]))
    return wrong, taken


async def test_a_fifth_of_the_set_is_refused_and_says_so(kinds, forged, present):
    for kind, tokens in negative_set(kinds, forged).items():
        assert len(tokens) >= 180
        wrong, _ = await refused(kinds, present, kind, list(tokens.items())[::5])
        assert wrong == []


@pytest.mark.full
@pytest.mark.timeout(400)
async def test_the_whole_set_is_refused_and_each_within_fifty_milliseconds(kinds, forged, present):
    times = {}
    for kind, tokens in negative_set(kinds, forged).items():
        for _ in range(3):
            wrong, taken = await refused(kinds, present, kind, tokens.items())
            assert wrong == []
            for clock, work, *which in taken:
                times.setdefault(tuple(which), []).append((work, clock))
    works = {which: min(work for work, _ in both) for which, both in times.items()}
    clocks = {which: median(clock for _, clock in both) for which, both in times.items()}
    slowest = max(works, key=works.__getitem__)
    print(  # noqa: T201
        f"{len(works)} tokens; dearest {slowest}: {1000 * works[slowest]:.1f} ms of work; "
        f"the clock's longest: {1000 * max(clocks.values()):.1f} ms"
    )
    assert works[slowest] < LIMIT, slowest


BY_THE_ROWS = {
    "a client of nobody's", "a tenant of nobody's", "an epoch that was", "an epoch that is not yet",
    "a huge epoch",
}  # fmt: skip
"""Refused by what the database says, not by what the token is."""


def test_the_whole_set_is_refused_by_reading_it_and_that_costs_next_to_nothing(app, kinds, forged):
    readers = {"access": app.state.tenants.claims, "consent": app.state.consents.claims}
    for kind, tokens in negative_set(kinds, forged).items():
        for name in tokens.keys() - BY_THE_ROWS:
            times = []
            for _ in range(3):
                began = time.perf_counter()
                with pytest.raises(TokenRefused):
                    readers[kind](tokens[name])
                times.append(time.perf_counter() - began)
            assert median(times) < LIMIT, (kind, name)


async def test_the_real_ones_would_have_entered(kinds, present, app, centre):
    for kind in kinds.values():
        again = kind.says()
        assert json.loads(json.dumps(claims_unverified(again))) == kind.claims
    assert (await present("access", kinds["access"].says())).status_code == 200
    async with app.state.database.begin() as session:
        caller = await app.state.tenants.caller(session, centre.token)
    assert app.state.consents.read_token(kinds["consent"].says(), caller)


async def test_two_clients_with_every_token_swapped(
    app, centre, new_centre, kinds, present, drawn, given
):
    other = await new_centre()
    keyring, theirs = app.state.keyring, {"tenant": other.tenant, "client_id": other.client_id}
    consents = {"ours": drawn, "theirs": kinds["consent"].says(**theirs)}
    callers = {"ours": centre.token, "theirs": other.token}
    receipt = (await centre.call("GET", f"/v1/consents/{given['id']}/receipt")).json()["receipt"]
    assert receipt.count(".") == 2
    inside = keyring.passes.sign("pass+jwt", kinds["access"].claims)

    for who, token in callers.items():
        centre.token = token
        for whose, consent in consents.items():
            if who == whose:
                continue
            answer = await present("consent", consent)
            assert (answer.status_code, answer.json()["code"]) == (403, "consent_binding")
        for strange in (*callers.values(), receipt, inside):
            answer = await present("consent", strange)
            assert (answer.status_code, answer.json()["code"]) == (401, "consent_token_invalid")
    for strange in (*consents.values(), receipt, inside):
        answer = await present("access", strange)
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    # One client's token that names the other's tenant, client or both, signed by our own key.
    for changed in (
        {"tenant": other.tenant},
        {"client_id": other.client_id, "sub": other.client_id},
    ):
        answer = await present("access", kinds["access"].says(**changed))
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
