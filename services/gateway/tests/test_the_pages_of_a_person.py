"""The hosted pages over HTTP: what a link opens, what it never changes, and who may post.

What a person sees and does with them is in `tests/journeys/test_the_pages_in_a_browser.py`.
"""

import asyncio
import re
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from itertools import product

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from gateway.tables import PageSession, PersonalCode, PersonalLink
from keel.clock import utc_now

# Pages are the same on both databases; what differs is played there too, in `make verify`.
pytestmark = pytest.mark.parametrize(
    "migrated",
    [
        "sqlite",
        pytest.param("postgresql", marks=[pytest.mark.postgresql, pytest.mark.full]),
    ],
    indirect=True,
)

WITHDRAWN = "Votre accord est retiré"


def link_in(page, kind):
    return "http://gateway" + unescape(re.search(rf'href="([^"]+)" data-{kind}-link', page.text)[1])


def hidden(page):
    found = re.findall(r'name="(notice_sha256|consent)" value="([^"]+)"', page.text)
    return dict(found)


ACCEPTED = {"decision.analysis": "granted", "decision.exploration": "granted"}


@pytest.fixture
async def thanks(asked, beneficiary):
    """The page after both purposes were accepted."""
    page = await beneficiary.open(asked["ceremony_url"])
    answer = await beneficiary.post("/consent/decision", {**hidden(page), **ACCEPTED})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.fixture
def status_of(centre, asked):
    async def read():
        return (await centre.call("GET", f"/v1/consents/{asked['id']}")).json()

    return read


SENSITIVE = {
    "purpose": "analysis",
    "data_categories": ["cv", "special.health"],
    "explicit": True,
    "recipients": ["rcp_local-llm"],
    "jurisdictions": ["FR"],
}
HEALTH = "explicit.analysis.special.health"


@pytest.fixture
async def sensitive(centre, bilan):
    """A request for one purpose, on health data too."""
    return await centre.made("/v1/consents", {"bilan": bilan.id, "grants": [SENSITIVE]})


@pytest.mark.parametrize(
    ("said", "kept"), [("granted", ["cv", "special.health"]), ("refused", ["cv"])]
)
async def test_each_special_category_has_a_question_of_its_own(
    centre, sensitive, beneficiary, said, kept
):
    page = await beneficiary.open(sensitive["ceremony_url"])
    assert "Il y a 2 questions" in page.text
    form = {**hidden(page), "decision.analysis": "granted"}
    unanswered = await beneficiary.post("/consent/decision", form)
    assert unanswered.status_code == 422
    assert 'href="#q-explicit-analysis-special-health"' in unanswered.text
    assert (await beneficiary.post("/consent/decision", {**form, HEALTH: said})).status_code == 200
    consent = (await centre.call("GET", f"/v1/consents/{sensitive['id']}")).json()
    assert consent["grants"][0]["data_categories"] == kept


async def test_who_refuses_a_purpose_need_not_answer_for_its_special_categories(
    centre, sensitive, beneficiary
):
    page = await beneficiary.open(sensitive["ceremony_url"])
    form = {**hidden(page), "decision.analysis": "refused"}
    assert (await beneficiary.post("/consent/decision", form)).status_code == 200
    consent = (await centre.call("GET", f"/v1/consents/{sensitive['id']}")).json()
    assert consent["status"] == "rejected"


@pytest.mark.parametrize(
    ("months", "days"), [("1", 30), ("3", 90), ("0", 182), ("999", 182), ("é", 182)]
)
async def test_a_shorter_end_can_be_chosen_and_never_a_later_one(
    asked, beneficiary, status_of, months, days
):
    page = await beneficiary.open(asked["ceremony_url"])
    await beneficiary.post("/consent/decision", {**hidden(page), **ACCEPTED, "months": months})
    consent = await status_of()
    given, ends = (datetime.fromisoformat(consent[k]) for k in ("authorised_at", "expires_at"))
    assert (ends - given).days == days


async def test_the_evidence_says_how_it_was_decided_and_keeps_no_address(
    app, centre, asked, beneficiary, gateway
):
    page = await beneficiary.open(asked["ceremony_url"])
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    headers = {"Cookie": beneficiary.cookie, "User-Agent": agent}
    await gateway.post("/consent/decision", data={**hidden(page), **ACCEPTED}, headers=headers)
    async with app.state.database.begin(centre.tenant) as session:
        consent = await app.state.consents.find(session, centre.tenant, asked["id"])
        evidence = await app.state.consents.evidence_of(session, consent)
    assert evidence["user_agent_family"] == "firefox"
    assert (evidence["method"], evidence["second_factor"]) == ("hosted_page", "none")
    assert "X11" not in str(evidence)
    assert "127.0.0.1" not in str(evidence)


PAGES = (
    "/consent/",
    "/consent/gone",
    "/consent/decision",
    "/consent/withdrawal/",
    "/consent/withdrawal/confirmation",
    "/me/",
    "/me/code",
    "/me/link",
    "/me/withdrawal",
    "/me/documents",
)


async def test_reading_a_page_without_its_secret_is_safe_and_has_every_header(gateway):
    for method, path in product(("GET", "HEAD"), PAGES):
        answer = await gateway.request(method, path)
        assert answer.status_code in {200, 403, 404}, (method, path, answer.status_code)
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"].startswith("text/html")
        assert "set-cookie" not in answer.headers


VALUES = ["", "x", "é", "a" * 5000, '"', "%00", "=;,", "\x7f"]
COOKIE_PAGES = ["/me/", "/consent/decision", "/consent/withdrawal/confirmation"]


async def test_a_cookie_that_is_not_ours_is_as_good_as_none(gateway):
    for path, value in product(COOKIE_PAGES, VALUES):
        cookie = "; ".join(
            f"__Host-passerelle-{n}={value}" for n in ("accord", "espace", "retrait")
        )
        answer = await gateway.get(path, headers={"Cookie": cookie.encode()})
        assert answer.status_code in {200, 403}


async def test_the_cookie_is_for_this_host_alone_and_for_no_script(asked, gateway):
    secret = asked["ceremony_url"].partition("#")[2]
    answer = await gateway.post("/consent/session", data={"secret": secret})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    for flag in ("HttpOnly", "Secure", "SameSite=strict", "Path=/", "Max-Age=900"):
        assert flag in cookie
    assert "Domain" not in cookie


async def test_a_scanner_that_runs_scripts_does_not_use_the_link_up(
    asked, gateway, beneficiary, status_of
):
    secret = asked["ceremony_url"].partition("#")[2]
    for _ in range(3):
        opened = await gateway.post("/consent/session", data={"secret": secret})
        cookie = opened.headers["set-cookie"].partition(";")[0]
        assert (
            await gateway.get("/consent/decision", headers={"Cookie": cookie})
        ).status_code == 200
    assert (await status_of())["status"] == "awaiting"
    page = await beneficiary.open(asked["ceremony_url"])
    answer = await beneficiary.post("/consent/decision", {**hidden(page), **ACCEPTED})
    assert answer.status_code == 200
    assert (await status_of())["status"] == "authorised"
    late = await gateway.get("/consent/decision", headers={"Cookie": cookie})
    assert late.status_code == 403  # what the scanner held ended with the decision


async def test_whoever_pastes_the_whole_link_comes_in_too(asked, gateway):
    answer = await gateway.post("/consent/session", data={"secret": f"  {asked['ceremony_url']} "})
    assert answer.headers["location"] == "/consent/decision"


async def test_a_wrong_end_of_a_link_gets_a_page_that_says_what_to_do(gateway):
    doors = ("/consent/session", "/me/session", "/consent/withdrawal/session")
    for path, secret in product(doors, ("", "nothing", "x" * 10_000, "é#", "#")):
        answer = await gateway.post(path, data={"secret": secret})
        if answer.is_redirect:
            answer = await gateway.get(answer.headers["location"])
        assert answer.status_code == 404
        assert "Rien n’a été changé" in answer.text


async def test_an_error_keeps_what_was_chosen_and_leads_to_what_is_missing(asked, beneficiary):
    page = await beneficiary.open(asked["ceremony_url"])
    answer = await beneficiary.post(
        "/consent/decision", {**hidden(page), "decision.analysis": "refused"}
    )
    assert answer.status_code == 422
    assert re.search(r'name="decision.analysis" value="refused" required checked', answer.text)
    assert answer.text.count(" checked") == 1
    assert 'href="#q-decision-exploration"' in answer.text
    assert 'href="#q-decision-analysis"' not in answer.text


async def test_the_page_shows_every_word_of_the_notice_once_and_in_order(
    asked, beneficiary, app, centre
):
    page = (await beneficiary.open(asked["ceremony_url"])).text
    async with app.state.database.begin(centre.tenant) as session:
        consent = await app.state.consents.find(session, centre.tenant, asked["id"])
    shown = re.findall(
        r'<(h1|p|ul|legend|div) class="(?:facts )?notice">(.*?)</\1>', page, re.DOTALL
    )
    words = unescape(re.sub(r"<[^>]+>", " ", " ".join(text for _, text in shown))).split()
    assert words == consent.notice_text.split()


async def test_the_second_of_two_clicks_on_one_button_gets_the_same_answer(
    asked, beneficiary, status_of
):
    page = await beneficiary.open(asked["ceremony_url"])
    form = {**hidden(page), **ACCEPTED}
    both = await asyncio.gather(*(beneficiary.post("/consent/decision", form) for _ in range(2)))
    assert [a.status_code for a in both] == [200, 200]
    for answer in both:
        withdrawal = await beneficiary.open(link_in(answer, "withdrawal"))
        assert "Oui, retirer mon accord" in withdrawal.text
    assert (await status_of())["epoch"] == 1


async def test_going_back_after_deciding_shows_the_answers_and_asks_nothing(thanks, beneficiary):
    again = await beneficiary.get("/consent/decision")
    assert again.status_code == 200
    assert "Vos réponses sont enregistrées" in again.text
    assert 'type="radio"' not in again.text


async def test_whoever_answers_second_reads_that_the_answer_was_already_given(
    asked, beneficiary, gateway, status_of
):
    page = await beneficiary.open(asked["ceremony_url"])
    slower = type(beneficiary)(gateway)
    await slower.open(asked["ceremony_url"])
    form = {**hidden(page), "decision.exploration": "refused"}
    await beneficiary.post("/consent/decision", {**form, "decision.analysis": "granted"})
    refused = {**form, "decision.analysis": "refused"}
    for answer in (
        await slower.post("/consent/decision", refused),
        await slower.get("/consent/decision"),
    ):
        assert answer.status_code == 403
        assert "La réponse est déjà donnée" in answer.text
        assert "autre onglet" in answer.text
        assert "trop longtemps" not in answer.text
    assert (await status_of())["status"] == "authorised"


async def test_other_answers_in_a_second_tab_are_not_called_recorded(asked, beneficiary, status_of):
    page = await beneficiary.open(asked["ceremony_url"])
    await beneficiary.post("/consent/decision", {**hidden(page), **ACCEPTED})
    other = {**hidden(page), **ACCEPTED, "decision.analysis": "refused"}
    answer = await beneficiary.post("/consent/decision", other)
    assert (answer.status_code, "déjà donnée" in answer.text) == (409, True)
    assert "C’est enregistré" not in answer.text
    assert {g["decision"] for g in (await status_of())["grants"]} == {"granted"}


async def test_a_request_opened_in_another_tab_is_not_answered_by_this_one(
    centre, bilan, asked, beneficiary, status_of
):
    first = await beneficiary.open(asked["ceremony_url"])
    grant = {
        "purpose": "drafting",
        "data_categories": ["project"],
        "recipients": ["rcp_local-llm"],
        "jurisdictions": ["FR"],
    }
    other = await centre.made("/v1/consents", {"bilan": bilan.id, "grants": [grant]})
    await beneficiary.open(other["ceremony_url"])
    answer = await beneficiary.post("/consent/decision", {**hidden(first), **ACCEPTED})
    assert answer.status_code == 409
    assert "une autre demande" in answer.text
    assert (await status_of())["status"] == "awaiting"


async def test_answers_after_the_time_is_over_are_shown_again_and_not_recorded(
    app, asked, beneficiary, status_of
):
    page = await beneficiary.open(asked["ceremony_url"])
    later = utc_now() + timedelta(minutes=16)
    app.state.page_sessions = replace(app.state.page_sessions, now=lambda: later)
    answer = await beneficiary.post("/consent/decision", {**hidden(page), **ACCEPTED})
    assert answer.status_code == 403
    assert "n’ont pas été enregistrées" in answer.text
    assert "Analyser votre parcours" in answer.text
    assert (await status_of())["status"] == "awaiting"


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "null"},
]


async def test_what_another_site_posts_changes_nothing(given, beneficiary, gateway, status_of):
    await beneficiary.open("http://gateway" + beneficiary.personal_secret)
    for headers in FOREIGN:
        answer = await gateway.post(
            "/me/withdrawal", headers={**headers, "Cookie": beneficiary.cookie}
        )
        assert answer.status_code == 403
        assert "d’un autre site" in answer.text
    assert (await status_of())["status"] == "authorised"


OURS = [{"Origin": "http://gateway"}, {"Origin": "null", "Sec-Fetch-Site": "same-origin"}]


async def test_what_our_own_page_posts_counts(given, beneficiary, gateway):
    await beneficiary.open("http://gateway" + beneficiary.personal_secret)
    for headers in OURS:
        answer = await gateway.post(
            "/me/withdrawal", headers={**headers, "Cookie": beneficiary.cookie}
        )
        assert WITHDRAWN in answer.text


async def test_the_withdrawal_link_asks_once_and_withdraws(thanks, beneficiary, status_of):
    page = await beneficiary.open(link_in(thanks, "withdrawal"))
    assert (await status_of())["status"] == "authorised"
    action = re.search(r'<form method="post" action="([^"]+)">', page.text)[1]
    done = await beneficiary.post(action, {})
    assert WITHDRAWN in done.text
    ended = await status_of()
    assert (ended["status"], ended["end_reason"]) == ("revoked", "withdrawn_by_beneficiary")
    again = await beneficiary.post(action, {})
    assert again.is_redirect
    assert "plus rien à retirer" in (await beneficiary.get(again.headers["location"])).text


async def test_one_purpose_can_be_taken_back_and_the_other_stays(thanks, beneficiary, status_of):
    await beneficiary.open(link_in(thanks, "withdrawal"))
    done = await beneficiary.post("/consent/withdrawal", {"purpose": "analysis"})
    assert "Le reste de votre accord continue" in done.text
    left = await status_of()
    assert (left["status"], left["epoch"]) == ("authorised", 2)
    assert [g["decision"] for g in left["grants"] if g["purpose"] == "exploration"] == ["granted"]
    assert [g["decision"] for g in left["grants"] if g["purpose"] == "analysis"] != ["granted"]
    await beneficiary.post("/consent/withdrawal", {"purpose": "exploration"})
    assert (await status_of())["status"] == "revoked"


NOTHING_SENT = "Plus rien n’est envoyé"


@pytest.fixture
async def beside(ask, decide):
    """Another consent of the same person that stands: drafting."""
    return await decide((await ask("drafting")).json(), drafting="granted")


@pytest.fixture
def stands(centre):
    async def read(consent):
        return (await centre.call("GET", f"/v1/consents/{consent['id']}")).json()["status"]

    return read


async def test_a_withdrawal_says_what_still_stands_and_takes_that_back_too_where_asked(
    thanks, beside, beneficiary, status_of, stands
):
    await beneficiary.open(link_in(thanks, "withdrawal"))
    done = (await beneficiary.post("/consent/withdrawal", {})).text
    assert WITHDRAWN in done
    assert NOTHING_SENT not in done
    gone, _, left = done.partition("continue</h2>")
    assert "Analyser votre parcours" in gone
    assert "Analyser votre parcours" not in left
    assert "Rédiger des projets de textes" in left
    rest = re.search(r'href="([^"]+)">Retirer cela aussi', left)[1]
    asks = (await beneficiary.get(rest)).text
    assert "Rédiger des projets de textes" in asks
    assert await stands(beside) == "authorised"
    last = (await beneficiary.post(re.search(r'action="([^"]+)"', asks)[1], {})).text
    assert NOTHING_SENT in last
    assert await stands(beside) == "revoked"
    assert "rien à retirer" in (await beneficiary.get(rest)).text


async def test_the_personal_space_says_too_what_still_stands_after_a_withdrawal(
    thanks, asked, beside, beneficiary, stands
):
    await beneficiary.open(link_in(thanks, "personal"))
    done = (await beneficiary.post(f"/me/consents/{asked['id']}/withdrawal", {})).text
    assert NOTHING_SENT not in done
    assert "Rédiger des projets de textes" in done
    asks = (await beneficiary.get(re.search(r'href="([^"]+)">Retirer cela', done)[1])).text
    assert NOTHING_SENT in (await beneficiary.post("/me/withdrawal", {})).text
    assert "Oui, retirer" in asks
    assert await stands(beside) == "revoked"


async def test_who_refuses_everything_reads_what_they_accepted_before_and_still_stands(
    centre, bilan, asked, beside, beneficiary
):
    page = await beneficiary.open(asked["ceremony_url"])
    refused = dict.fromkeys(ACCEPTED, "refused")
    answer = await beneficiary.post("/consent/decision", {**hidden(page), **refused})
    assert "aucune intelligence artificielle ne sera utilisée" not in answer.text
    assert "Rédiger des projets de textes" in answer.text


async def test_a_purpose_that_was_never_asked_for_takes_nothing_back(
    thanks, beneficiary, status_of
):
    await beneficiary.open(link_in(thanks, "withdrawal"))
    for purpose in ("drafting", "", "nothing", "é"):
        answer = await beneficiary.post("/consent/withdrawal", {"purpose": purpose})
        assert answer.is_redirect
    assert (await status_of())["epoch"] == 1


async def test_a_withdrawal_link_opens_no_personal_space_and_the_other_way_round(
    thanks, beneficiary, gateway
):
    for kind, door in (("withdrawal", "/me/session"), ("personal", "/consent/withdrawal/session")):
        secret = link_in(thanks, kind).partition("#")[2]
        assert (await gateway.post(door, data={"secret": secret})).status_code == 404
    await beneficiary.open(link_in(thanks, "withdrawal"))
    assert "Ce que j’ai accepté" not in (await beneficiary.get("/me/")).text


async def test_nobody_reads_or_withdraws_the_consent_of_another_person(
    centre, given, beneficiary, app, status_of
):
    other = await centre.made("/v1/beneficiaries", {})
    link = await centre.made(f"/v1/beneficiaries/{other['id']}/personal-link", {})
    await beneficiary.open(link["personal_link"])
    assert (await beneficiary.get(f"/me/consents/{given['id']}")).status_code == 404
    answer = await beneficiary.post(f"/me/consents/{given['id']}/withdrawal", {})
    assert answer.status_code == 404
    assert (await status_of())["status"] == "authorised"


async def test_one_consent_or_one_purpose_is_withdrawn_in_the_personal_space(
    thanks, asked, beneficiary, status_of
):
    await beneficiary.open(link_in(thanks, "personal"))
    page = await beneficiary.get(f"/me/consents/{asked['id']}")
    assert "Retirer seulement" in page.text
    await beneficiary.post(f"/me/consents/{asked['id']}/withdrawal", {"purpose": "analysis"})
    assert (await status_of())["status"] == "authorised"
    done = await beneficiary.post(f"/me/consents/{asked['id']}/withdrawal", {})
    assert WITHDRAWN in done.text
    assert (await status_of())["status"] == "revoked"


async def test_a_new_personal_link_ends_the_old_one_and_what_it_opened(
    centre, bilan, thanks, beneficiary, gateway
):
    old = link_in(thanks, "personal")
    await beneficiary.open(old)
    assert "Ce que j’ai accepté" in (await beneficiary.get("/me/")).text
    made = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    assert "Ce que j’ai accepté" not in (await beneficiary.get("/me/")).text
    assert (await gateway.post("/me/session", data={"secret": old})).status_code == 404
    page = await beneficiary.open(made["personal_link"])
    assert "Ce que j’ai accepté" in page.text
    assert "Oui, retirer" in (await beneficiary.open(link_in(thanks, "withdrawal"))).text


async def test_a_new_personal_link_is_shown_once(centre, bilan):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/personal-link"
    first, again = [
        await centre.call("POST", path, json={}, headers={"Idempotency-Key": "once"})
        for _ in range(2)
    ]
    assert first.json()["personal_link"].startswith("http://gateway/me/#")
    assert again.json().get("personal_link") is None


async def test_a_personal_link_lives_400_days(app, centre, bilan, beneficiary, gateway):
    made = await centre.made(f"/v1/beneficiaries/{bilan.beneficiary}/personal-link", {})
    for days, status in ((399, 303), (401, 404)):
        then = utc_now() + timedelta(days=days)
        app.state.links = replace(app.state.links, now=lambda then=then: then)
        answer = await gateway.post("/me/session", data={"secret": made["personal_link"]})
        assert answer.status_code == status


async def test_only_digests_of_links_are_kept(app, centre, thanks):
    async with app.state.database.begin(centre.tenant) as session:
        links = (await session.scalars(select(PersonalLink))).all()
        assert {link.kind for link in links} == {"personal", "withdrawal"}
        secrets = [
            link_in(thanks, kind).partition("#")[2].encode() for kind in ("personal", "withdrawal")
        ]
        assert all(secret not in link.secret_sha256 for link in links for secret in secrets)
        assert (await session.scalars(select(PageSession))).all()
        assert not (await session.scalars(select(PersonalCode))).all()


async def restrictions_of(centre, bilan):
    page = await centre.call("GET", f"/v1/beneficiaries/{bilan.beneficiary}/restrictions")
    return [(r["kind"], r["lifted_at"] is None) for r in page.json()["items"]]


async def test_a_person_stops_every_use_of_ai_and_permits_it_again(
    centre, bilan, thanks, beneficiary, status_of
):
    await beneficiary.open(link_in(thanks, "personal"))
    assert "Oui, tout arrêter" in (await beneficiary.get("/me/stop")).text
    assert await restrictions_of(centre, bilan) == []
    for _ in range(2):  # a second click stops nothing twice
        await beneficiary.post("/me/stop", {})
    assert await restrictions_of(centre, bilan) == [("objection", True)]
    assert "Vous avez arrêté toute" in (await beneficiary.get("/me/")).text
    stopped = await status_of()
    assert (stopped["status"], stopped["epoch"]) == ("authorised", 2)
    refused = await centre.call("POST", f"/v1/consents/{stopped['id']}/token")
    assert (refused.status_code, refused.json()["code"]) == (403, "processing_restricted")
    await beneficiary.post("/me/stop/end", {})
    assert await restrictions_of(centre, bilan) == [("objection", False)]
    drawn = await centre.call("POST", f"/v1/consents/{stopped['id']}/token")
    assert drawn.status_code == 200


async def test_what_a_person_stopped_on_their_page_the_centre_does_not_lift(
    centre, bilan, thanks, beneficiary
):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    await beneficiary.open(link_in(thanks, "personal"))
    await beneficiary.post("/me/stop", {})
    objection = {"kind": "objection", "ground": "particular_situation"}
    noted = await centre.made(path, objection)
    (own, _) = (await centre.call("GET", path)).json()["items"]
    assert (own["imposed_by"], noted["imposed_by"]) == ("beneficiary", "tenant")
    refused = await centre.call("DELETE", f"{path}/{own['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "restriction_of_the_person")
    assert (await centre.call("DELETE", f"{path}/{noted['id']}")).status_code == 204
    assert await restrictions_of(centre, bilan) == [("objection", True), ("objection", False)]
    text = re.sub(r"<[^>]+>|\s+", " ", (await beneficiary.get("/me/")).text)
    assert re.search(r"demandé par votre centre le [^.]*, levé par votre centre le ", text)
    assert re.search(r"demandé par vous le [^.]*, en cours", text)
    await beneficiary.post("/me/stop/end", {})
    listed = (await centre.call("GET", path)).json()["items"]
    assert [one["lifted_by"] for one in listed] == ["beneficiary", "tenant"]
    again = await centre.call("DELETE", f"{path}/{own['id']}")
    assert again.status_code == 204


async def test_a_person_lifts_no_restriction_by_permitting_ai_again(
    centre, bilan, thanks, beneficiary
):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/restrictions"
    await centre.made(path, {"kind": "restriction", "ground": "accuracy_contested"})
    await beneficiary.open(link_in(thanks, "personal"))
    await beneficiary.post("/me/stop/end", {})
    assert await restrictions_of(centre, bilan) == [("restriction", True)]


async def test_whoever_leaves_their_space_leaves_nothing_open(thanks, beneficiary):
    await beneficiary.open(link_in(thanks, "personal"))
    before = beneficiary.cookie
    left = await beneficiary.post("/me/leaving", {})
    assert "Votre espace est fermé" in left.text
    assert 'espace="";' in left.headers["set-cookie"]
    beneficiary.cookie = before
    assert "Ce que j’ai accepté" not in (await beneficiary.get("/me/")).text


async def test_a_person_says_yes_or_no_to_what_is_asked_and_takes_a_yes_back(
    centre, bilan, thanks, beneficiary
):
    body = {"bilan": bilan.id, "reason": "follow_up", "until": "2028-01-29"}
    kept, not_kept = [
        await centre.made("/v1/retention-agreements", {**body, "scope": scope})
        for scope in ("synthesis", "documents")
    ]

    async def stands(asked):
        answer = await centre.call("GET", f"/v1/retention-agreements/{asked['id']}")
        return answer.json()["status"]

    await beneficiary.open(link_in(thanks, "personal"))
    page = await beneficiary.get("/me/questions")
    assert "Garder votre document de synthèse après la fin de votre bilan" in page.text
    assert "29 janvier 2028" in page.text
    paths = [f"/me/questions/retentions/{asked['id']}" for asked in (kept, not_kept)]
    await beneficiary.post(paths[0], {"answer": "agree"})
    await beneficiary.post(paths[1], {"answer": "refuse"})
    assert [await stands(kept), await stands(not_kept)] == ["agreed", "refused"]
    late = await beneficiary.post(paths[1], {"answer": "agree"})
    assert (late.status_code, "déjà donnée" in late.text) == (409, True)
    await beneficiary.post(paths[0], {"answer": "end"})
    assert await stands(kept) == "ended"
    other = await centre.made("/v1/beneficiaries", {})
    link = await centre.made(f"/v1/beneficiaries/{other['id']}/personal-link", {})
    third = await centre.made("/v1/retention-agreements", {**body, "scope": "synthesis"})
    await beneficiary.open(link["personal_link"])
    foreign = await beneficiary.post(f"/me/questions/retentions/{third['id']}", {"answer": "agree"})
    assert (foreign.status_code, await stands(third)) == (404, "awaiting")


async def test_a_person_takes_a_copy_of_what_is_held(bilan, asked, thanks, beneficiary):
    await beneficiary.open(link_in(thanks, "personal"))
    assert "Télécharger mes données" in (await beneficiary.get("/me/copy")).text
    given = await beneficiary.post("/me/copy", {})
    assert given.headers["content-disposition"].startswith("attachment")
    assert [consent["id"] for consent in given.json()["consents"]] == [asked["id"]]
    assert bilan.beneficiary in given.text
    beneficiary.cookie = ""
    assert (await beneficiary.post("/me/copy", {})).status_code == 403


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (NoConnectionFree("no connection in time"), 503),
        (DBAPIError("SELECT 1", {}, Exception("the administrator stops the server")), 503),
        (ZeroDivisionError("le dossier de Mme Martin"), 500),
    ],
    ids=lambda given: type(given).__name__ if isinstance(given, Exception) else str(given),
)
async def test_whatever_fails_a_person_meets_a_page_in_french(
    app, gateway, monkeypatch, failure, status
):
    def fail(*_):
        raise failure

    monkeypatch.setattr(app.state.database, "begin", fail)
    for answer in (
        await gateway.get("/me/"),
        await gateway.post("/consent/withdrawal/session", data={"secret": "x"}),
    ):
        assert answer.status_code == status
        assert answer.headers["content-type"].startswith("text/html")
        assert 'lang="fr"' in answer.text
        assert "Martin" not in answer.text
