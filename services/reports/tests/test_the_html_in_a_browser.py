"""The HTML is accessible and asks nothing of the network (axe in Chromium)."""

import asyncio
import shutil
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import async_playwright

from reports.rendering.formats import render
from reports.synthesis.document import Report

pytestmark = pytest.mark.browser
SWITCHES = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def test_signed_and_draft_pages_have_no_axe_violation_and_fit_a_telephone(
    sample_report, tmp_path: Path
):
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium is not installed (Debian: chromium)")
    draft = {**sample_report, "signature": None, "cover": None, "status": "draft"}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=SWITCHES)
        for name, data in (("signed", sample_report), ("draft", draft)):
            file = tmp_path / f"{name}.html"
            await asyncio.to_thread(file.write_bytes, render(Report.model_validate(data), "html"))
            page = await browser.new_page(viewport={"width": 390, "height": 800})
            asked: list[str] = []
            page.on("request", lambda request, asked=asked: asked.append(request.url))
            await page.goto(file.as_uri())
            found = await Axe().run(page)
            assert [v["id"] for v in found.response["violations"]] == []
            assert [u for u in asked if not u.startswith(("file:", "data:"))] == []
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await browser.close()
