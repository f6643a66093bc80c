"""The beneficiary's pages in a real browser: for everybody, on any screen, loading nothing from elsewhere.

Over HTTP, without a browser, they are specified in `services/gateway/tests/test_the_pages_of_a_person.py`.
"""

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.journey,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)"),
]
CV = Path(__file__).parents[2] / "demo" / "cv" / "gaelle-morvandeau.pdf"
PURPOSES = ("analysis", "exploration", "drafting")
TELEPHONE = {"width": 390, "height": 844}
SMALL = {"width": 320, "height": 568}
ZOOMED = {"width": 640, "height": 400}
"""What is left of a screen of 1280 × 800 at 200 % zoom."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        )  # fmt: skip
        yield started
        started.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    opened: list[BrowserContext] = []

    def create(**how: object) -> BrowserContext:
        opened.append(browser.new_context(**{"viewport": TELEPHONE, **how}))
        opened[-1].set_default_timeout(10_000)
        return opened[-1]

    yield create
    for context in opened:
        context.close()


@pytest.fixture
def page(new_context) -> Page:
    return new_context().new_page()


@pytest.fixture
def bilan(bilan_beside):
    """Somebody new in one centre: these stories differ by what people do."""
    return bilan_beside


@pytest.fixture
def ask(bilan) -> Callable[..., dict]:
    """Ask the person of the bilan for some purposes."""

    def asking(*purposes: str, **side: object) -> dict:
        recipients = [r["id"] for r in bilan.centre.recipients()]
        grants = [
            {
                "purpose": purpose,
                "data_categories": ["project"] if purpose == "drafting" else ["cv"],
                "recipients": recipients,
                "jurisdictions": ["FR"],
                **side,
            }
            for purpose in purposes
        ]
        return bilan.centre.request_consent(bilan.id, grants)

    return asking


@dataclass
class Person:
    """Somebody at a screen, whose actions are counted."""

    page: Page
    actions: int = 0
    seen: list[str] = field(default_factory=list)

    def open_link(self, url: str) -> None:
        self.actions += 1
        self.page.goto(url)
        self.page.wait_for_load_state()

    def click(self, role: str, name: str) -> None:
        self.actions += 1
        self.page.get_by_role(role, name=name, exact=True).click()

    def choose(self, purpose: str, decision: str) -> None:
        self.actions += 1
        self.page.check(f"input[name='decision.{purpose}'][value={decision}]")

    def reads(self, heading: str) -> None:
        expect(self.page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        self.seen.append(heading)


def violations(page: Page) -> list[str]:
    return [v["id"] for v in Axe().run(page).response["violations"]]


def overflow(page: Page) -> int:
    return page.evaluate("document.documentElement.scrollWidth - window.innerWidth")


def fits_everywhere(page: Page) -> None:
    """No horizontal scroll on a small telephone, at 200 % zoom, and with letters twice as large."""
    for size in (SMALL, ZOOMED, TELEPHONE):
        page.set_viewport_size(size)
        assert overflow(page) <= 0, (page.url, size)
    page.evaluate("document.documentElement.style.fontSize = '200%'")
    assert overflow(page) <= 0, (page.url, "letters at 200 %")
    page.evaluate("document.documentElement.style.fontSize = ''")


def targets_are_large(page: Page) -> None:
    """Every button, and the label around every choice, is at least 44 pixels high (WCAG 2.5.5)."""
    for box in page.locator("button, a.button, .choices label, .menu a").all():
        if box.is_visible():
            assert box.bounding_box()["height"] >= 44


def fine(page: Page) -> None:
    assert violations(page) == [], page.url
    fits_everywhere(page)
    targets_are_large(page)


def status(bilan, consent: dict) -> str:
    return bilan.centre.consent(consent["id"])["status"]


def decided(bilan, consent: dict) -> dict[str, str]:
    return {g["purpose"]: g["decision"] for g in bilan.centre.consent(consent["id"])["grants"]}


ASK = "Votre accord pour l’aide d’une intelligence artificielle"


def test_every_page_is_readable_by_everybody_and_loads_nothing_from_elsewhere(page, bilan, ask):
    asked_for: list[str] = []
    page.on("request", lambda request: asked_for.append(request.url))
    person = Person(page)
    consent = ask(*PURPOSES)
    person.open_link(consent["ceremony_url"])
    person.reads(ASK)
    assert "#" not in page.url
    assert page.locator("input:checked").count() == 0
    fine(page)

    for purpose in PURPOSES[:2]:
        person.choose(purpose, "granted")
    person.click("button", "Valider mes réponses")
    expect(page.get_by_role("alert")).to_contain_text("Il manque une réponse")
    assert page.locator("input:checked").count() == 2
    fine(page)
    page.get_by_role("alert").get_by_role("link").click()
    person.choose("drafting", "refused")
    person.click("button", "Valider mes réponses")
    person.reads("C’est enregistré")
    fine(page)
    assert decided(bilan, consent) == {
        "analysis": "granted", "exploration": "granted", "drafting": "refused",
    }  # fmt: skip

    person.click("link", "Mon espace personnel")
    person.reads("Mon espace")
    fine(page)
    for name, heading in (
        ("Changer cet accord", "Changer cet accord"),
        ("Retirer mon accord", "Retirer mon accord ?"),
        ("Ce qu’on me demande", "Ce qu’on me demande"),
        ("Mes documents", "Mes documents"),
        ("Copie de mes données", "Recevoir une copie de mes données"),
        ("Arrêter toute IA", "Arrêter toute intelligence artificielle ?"),
        ("Mon lien personnel", "Changer de lien"),
    ):
        person.click("link", name)
        person.reads(heading)
        fine(page)
        page.go_back()
        person.reads("Mon espace")
    person.click("link", "Retirer mon accord")
    person.click("button", "Oui, retirer mon accord")
    person.reads("C’est fait")
    fine(page)
    assert status(bilan, consent) == "revoked"
    page.goto(f"{bilan.platform.url}/consent/")
    fine(page)
    assert all(url.startswith(bilan.platform.url) for url in asked_for)


def test_consent_takes_at_most_four_actions_and_withdrawal_two(page, new_context, bilan, ask):
    consent = ask("analysis")
    person = Person(page)
    person.open_link(consent["ceremony_url"])
    person.choose("analysis", "granted")
    person.click("button", "Valider mes réponses")
    person.reads("C’est enregistré")
    assert person.actions <= 4
    assert status(bilan, consent) == "authorised"
    link = page.locator("[data-withdrawal-link]").evaluate("a => a.href")

    other = Person(new_context().new_page())  # another day, another browser: no account, no code
    other.open_link(link)
    other.reads("Retirer mon accord ?")
    assert status(bilan, consent) == "authorised"
    fine(other.page)
    other.click("button", "Oui, retirer mon accord")
    other.reads("C’est fait")
    assert other.actions <= 2
    assert status(bilan, consent) == "revoked"
    fine(other.page)
    other.open_link(link)
    other.reads("Il n’y a plus rien à retirer")
    fine(other.page)


def test_what_the_law_protects_more_is_asked_apart_and_may_be_refused_alone(page, bilan, ask):
    consent = ask("analysis", data_categories=["cv", "special.health"], explicit=True)
    person = Person(page)
    person.open_link(consent["ceremony_url"])
    person.choose("analysis", "granted")
    person.click("button", "Valider mes réponses")
    expect(page.get_by_role("alert")).to_contain_text("Il manque une réponse")
    fine(page)
    page.check("input[name='explicit.analysis.special.health'][value=refused]")
    person.click("button", "Valider mes réponses")
    person.reads("C’est enregistré")
    (grant,) = bilan.centre.consent(consent["id"])["grants"]
    assert (grant["decision"], grant["data_categories"]) == ("granted", ["cv"])


def test_a_use_of_ai_is_read_and_contested(page, bilan):
    consent, personal_link = bilan.consent("analysis", asked=("analysis",))
    document = bilan.centre.upload(bilan.id, CV.read_bytes())["id"]
    body = {"bilan": bilan.id, "mode": "assisted", "document": document}
    token = bilan.centre.draw_consent_token(consent)
    run = bilan.centre.run("cv-analysis", body, consent_token=token)
    person = Person(page)
    person.open_link(bilan.platform.url + personal_link)
    person.reads("Mon espace")
    expect(page.locator(f"[data-record={run.record}]")).to_contain_text("Analyser votre parcours")
    fine(page)
    person.click("link", "Mes documents")
    page.get_by_role("link", name="Document 1").click()
    person.reads("Mon document")
    expect(page.get_by_text("Morvandeau").first).to_be_visible()
    fine(page)
    page.goto(f"{bilan.platform.url}/me/")
    page.get_by_role("link", name="Je ne suis pas d’accord").click()
    person.reads("Contester")
    person.click("button", "Envoyer")
    expect(page.get_by_role("alert")).to_contain_text("Écrivez quelques mots")
    fine(page)
    page.get_by_label("Ce que je veux dire").fill("Je n’ai jamais travaillé en usine.")
    person.click("button", "Envoyer")
    person.reads("Votre contestation est transmise")
    fine(page)
    page.goto(f"{bilan.platform.url}/me/")
    expect(page.get_by_text("Vous l’avez contesté.")).to_be_visible()


def test_a_link_opens_its_own_space_even_where_another_one_stands_open(page, bilan, first_bilan):
    _, first = bilan.consent("analysis", asked=("analysis",))
    _, second = first_bilan.consent("drafting", asked=("drafting",))
    page.goto(bilan.platform.url + first)
    expect(page.get_by_text("Analyser votre parcours")).to_be_visible()
    page.goto(bilan.platform.url + second)  # the same page, another fragment
    expect(page.get_by_text("Rédiger des projets de textes")).to_be_visible()
    expect(page.get_by_text("Analyser votre parcours")).to_have_count(0)
    page.get_by_role("link", name="Chaque usage de l’IA").click()
    expect(page.get_by_text("Rédiger des projets de textes")).to_be_visible()
    page.get_by_role("button", name="Fermer mon espace").click()
    page.get_by_role("heading", name="Votre espace est fermé").wait_for()
    page.goto(f"{bilan.platform.url}/me/")
    expect(page.get_by_label("Votre lien")).to_be_visible()


def test_refusing_is_as_prominent_as_accepting(page, ask):
    page.goto(ask("analysis")["ceremony_url"])
    boxes = page.locator(".choices label")
    boxes.first.wait_for()
    yes, no = boxes.all()
    look = "e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, s.borderColor, s.fontSize, s.fontWeight]; }"
    assert yes.evaluate(look) == no.evaluate(look)
    for side in ("width", "height"):
        assert yes.bounding_box()[side] == no.bounding_box()[side]


def test_a_code_is_asked_for_readably_and_where_none_can_be_sent_the_centre_is(page, bilan, ask):
    consent = ask("analysis")
    tenant, centre = bilan.centre.credentials.tenant, bilan.centre
    bilan.platform.operator("tenant", "policy", "--tenant", tenant, "--ceremony-code", "on")
    try:
        person = Person(page)
        person.open_link(consent["ceremony_url"])
        person.reads("Votre code ne peut pas être envoyé")
        fine(page)
        hook = {"url": "https://hooks.centre.example/codes", "kinds": ["ceremony.code_requested"]}
        centre._create("/v1/webhook-endpoints", hook)
        page.goto(f"{bilan.platform.url}/consent/code")
        person.click("button", "Recevoir mon code")
        page.get_by_label("Code reçu").fill("12")
        fine(page)
        person.click("button", "Continuer")
        expect(page.get_by_role("alert")).to_contain_text("pas le bon code")
        fine(page)
        assert status(bilan, consent) == "awaiting"
    finally:
        bilan.platform.operator("tenant", "policy", "--tenant", tenant, "--ceremony-code", "off")


def test_one_purpose_is_taken_back_and_the_other_stays(page, bilan, ask):
    consent = ask("analysis", "exploration")
    person = Person(page)
    person.open_link(consent["ceremony_url"])
    person.choose("analysis", "granted")
    person.choose("exploration", "granted")
    person.click("button", "Valider mes réponses")
    person.click("link", "Retirer mon accord")
    person.reads("Retirer mon accord ?")
    person.click("button", "Retirer seulement « Analyser votre parcours »")
    person.reads("C’est fait")
    fine(page)
    assert status(bilan, consent) == "authorised"
    assert decided(bilan, consent) == {"analysis": "withdrawn", "exploration": "granted"}


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the element has the focus; it must show where it is."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if page.evaluate("s => document.activeElement.matches(s)", wanted):
            style = page.evaluate(
                """() => { const e = document.activeElement;
                const s = getComputedStyle(e), l = getComputedStyle(e.closest('label') || e);
                return [s.outlineStyle, l.outlineStyle]; }"""
            )
            assert any(outline != "none" for outline in style)
            return
    raise AssertionError(f"the keyboard does not reach {wanted}")


def test_a_whole_ceremony_and_a_withdrawal_by_keyboard_alone(page, bilan, ask):
    consent = ask("analysis", "exploration")
    page.goto(consent["ceremony_url"])
    page.get_by_role("heading", name=ASK).wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Aller au contenu"
    tab_to(page, "input[name='decision.analysis']")
    page.keyboard.press("Space")
    tab_to(page, "input[name='decision.exploration']")
    page.keyboard.press("ArrowDown")
    tab_to(page, "button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="C’est enregistré").wait_for()
    assert decided(bilan, consent) == {"analysis": "granted", "exploration": "refused"}
    tab_to(page, "[data-withdrawal-link]")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Retirer mon accord ?").wait_for()
    tab_to(page, "button")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="C’est fait").wait_for()
    assert status(bilan, consent) == "revoked"


def test_nothing_needs_a_script(new_context, bilan, ask):
    consent = ask("analysis")
    page = new_context(java_script_enabled=False).new_page()
    page.goto(consent["ceremony_url"])
    page.get_by_label("Votre lien").fill(consent["ceremony_url"])
    page.get_by_role("button", name="Ouvrir").click()
    page.check("input[value=granted]")
    page.get_by_role("button", name="Valider mes réponses").click()
    page.get_by_role("heading", name="C’est enregistré").wait_for()
    link = page.locator("[data-withdrawal-link]").get_attribute("href")
    page.goto(bilan.platform.url + link)
    page.get_by_label("Votre lien").fill(link)
    page.get_by_role("button", name="Ouvrir").click()
    page.get_by_role("button", name="Oui, retirer mon accord").click()
    page.get_by_role("heading", name="C’est fait").wait_for()
    assert status(bilan, consent) == "revoked"


def test_a_notice_that_changes_under_the_reader_is_read_again_before_it_is_answered(
    page, bilan, ask
):
    consent = ask("analysis")
    page.goto(consent["ceremony_url"])
    page.check("input[value=granted]")
    database = sqlite3.connect(bilan.platform.data / "gateway.sqlite3", timeout=10)
    with database:
        database.execute(
            "UPDATE consents SET notice_text = 'Un autre texte', notice_sha256 = ? WHERE id = ?",
            ("ab" * 32, consent["id"]),
        )
    database.close()
    page.get_by_role("button", name="Valider mes réponses").click()
    page.get_by_role("heading", name="Le texte a changé pendant votre lecture").wait_for()
    assert status(bilan, consent) == "awaiting"
    fine(page)
    page.get_by_role("link", name="Lire le nouveau texte et répondre").click()
    page.get_by_role("heading", name="Un autre texte").wait_for()
    page.check("input[value=refused]")
    page.get_by_role("button", name="Valider mes réponses").click()
    page.get_by_role("heading", name="C’est enregistré").wait_for()
    assert status(bilan, consent) == "rejected"


def test_a_link_that_served_opens_nothing_and_says_where_to_go(page, new_context, bilan, ask):
    consent = ask("analysis")
    page.goto(consent["ceremony_url"])
    page.check("input[value=granted]")
    page.get_by_role("button", name="Valider mes réponses").click()
    page.get_by_role("heading", name="C’est enregistré").wait_for()
    stranger = new_context().new_page()
    stranger.goto(consent["ceremony_url"])
    stranger.get_by_role("heading", name="Ce lien ne s’ouvre plus").wait_for()
    assert stranger.locator("form").count() == 0
    fine(stranger)
    page.go_back()  # whoever decided reads their answers, and is asked nothing
    page.get_by_role("heading", name="Vos réponses sont enregistrées").wait_for()
    fine(page)
    assert status(bilan, consent) == "authorised"


def test_a_mail_scanner_that_opens_the_link_first_changes_nothing(page, new_context, bilan, ask):
    consent = ask("analysis")
    path = consent["ceremony_url"].partition("#")[0]
    for method in ("HEAD", "GET", "HEAD"):
        assert httpx.request(method, path).status_code == 200
    scanner = new_context().new_page()  # one that runs scripts, follows, and looks
    scanner.goto(consent["ceremony_url"])
    scanner.get_by_role("heading", name=ASK).wait_for()
    assert status(bilan, consent) == "awaiting"
    page.goto(consent["ceremony_url"])
    page.check("input[value=granted]")
    page.get_by_role("button", name="Valider mes réponses").click()
    page.get_by_role("heading", name="C’est enregistré").wait_for()
    assert status(bilan, consent) == "authorised"
    scanner.reload()
    scanner.get_by_role("heading", name="La réponse est déjà donnée").wait_for()
    fine(scanner)


def test_the_documentation_works_with_what_the_platform_serves(page, shared_platform):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shared_platform.url}/docs")
    page.locator("#operations-tag-log").wait_for()
    page.locator("#operations-tag-bilans").click()
    page.get_by_text("/v1/bilans", exact=True).first.wait_for()
    ours = [url for url in asked if not url.startswith("data:")]
    assert len(ours) >= 4
    assert all(url.startswith(shared_platform.url) for url in ours)
