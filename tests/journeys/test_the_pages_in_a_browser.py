"""The beneficiary's pages in a real browser: readable by everybody, and loading nothing from elsewhere."""

import shutil
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.journey,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)"),
]
PURPOSES = ("analysis", "exploration", "drafting")


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
            ],
        )  # fmt: skip
        yield browser.new_page(viewport={"width": 390, "height": 844})
        browser.close()


def violations(page: Page) -> list[str]:
    return [v["id"] for v in Axe().run(page).response["violations"]]


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_person_decides_reads_and_withdraws_on_a_telephone(page, bilan):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    recipients = [r["id"] for r in bilan.centre.recipients()]
    grants = [
        {
            "purpose": purpose,
            "data_categories": ["project"] if purpose == "drafting" else ["cv"],
            "recipients": recipients,
            "jurisdictions": ["FR"],
        }
        for purpose in PURPOSES
    ]
    made = bilan.centre.request_consent(bilan.id, grants)

    page.goto(made["ceremony_url"])
    page.wait_for_url("**/consent/decision")
    assert "#" not in page.url
    assert violations(page) == []
    assert fits(page)
    assert page.locator("input:checked").count() == 0
    for purpose in PURPOSES:
        decision = "refused" if purpose == "drafting" else "granted"
        page.check(f"input[name='decision.{purpose}'][value={decision}]")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="C’est enregistré").wait_for()
    assert violations(page) == []

    page.get_by_role("link", name="Mon espace personnel").click()
    page.get_by_role("heading", name="Mon espace").wait_for()
    assert violations(page) == []
    assert fits(page)
    page.get_by_role("link", name="Retirer mon accord").click()
    page.get_by_role("button", name="Oui, retirer mon accord").click()
    page.get_by_role("heading", name="C’est fait").wait_for()

    assert bilan.centre.consent(made["id"])["status"] == "revoked"
    assert all(url.startswith(bilan.platform.url) for url in asked)


def test_the_documentation_works_with_what_the_platform_serves(page, shared_platform):
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shared_platform.url}/docs")
    page.get_by_text("/v1/bilans", exact=True).first.wait_for()
    ours = [url for url in asked if not url.startswith("data:")]
    assert len(ours) >= 4
    assert all(url.startswith(shared_platform.url) for url in ours)
