"""The beneficiary, with a browser of their own: hosted pages over HTTP, no account, no API."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Self
from urllib.parse import urldefrag, urljoin

import httpx

from demo.pages import Form, Page
from demo.stops import Stop

_MOST_REDIRECTS = 5
_FIRST_REFUSAL = 400


class PageRefused(Stop):
    """A page did not do what the beneficiary needed."""


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of the consent page."""

    shown: tuple[str, ...]
    """The purposes that the page asked about."""
    notice: str
    """The notice as the page showed it, line by line."""
    personal_link: str
    receipt: str


@dataclass(slots=True)
class UseOfAi:
    """One use of AI, as the person reads it."""

    record: str
    what: str = ""
    facts: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Beneficiary:
    """A person at their own screen."""

    http: httpx.Client
    _cookies: dict[str, str] = field(default_factory=dict)

    @classmethod
    def at(cls, url: str) -> Self:
        """Return a person whose browser reaches a platform."""
        return cls(httpx.Client(base_url=url, timeout=30, trust_env=False))

    def close(self) -> None:
        """Close the browser."""
        self.http.close()

    def decide(self, ceremony_url: str, *, refuse: Collection[str]) -> Decided:
        """Open the one-time link, read, accept every purpose but those to refuse.

        Raises:
            PageRefused: a page failed, or something was ticked in advance.
        """
        page = self._open_link(ceremony_url)
        form = _form(page, "notice_sha256")
        if form.ticked:
            raise PageRefused("The page ticked an answer in advance.")
        asked = [name.removeprefix("decision.") for name in form.choices]
        answers = {
            f"decision.{purpose}": "refused" if purpose in refuse else "granted"
            for purpose in asked
        }
        notices = [e for e in page.elements if "notice" in e.attributes.get("class", "").split()]
        notice = "\n".join(line for e in notices for line in e.lines)
        done = self._submit(form, answers)
        link = next(done.with_attribute("data-personal-link"), None)
        receipt = next(done.with_attribute("data-receipt"), None)
        if link is None or receipt is None:
            raise PageRefused("The page gave no personal link or no receipt.")
        return Decided(tuple(asked), notice, link.attributes["href"], receipt.text)

    def uses_of_ai(self, personal_link: str) -> list[UseOfAi]:
        """Open the personal link and read every use of AI, in plain words."""
        uses: list[UseOfAi] = []
        told: UseOfAi | None = None
        name = ""
        for element in self._open_link(personal_link).elements:
            if element.tag in {"article", "section", "li"}:
                # What was computed or refused stands on the same page, and is no use of AI.
                told = None
            if element.tag == "article" and "data-record" in element.attributes:
                told = UseOfAi(element.attributes["data-record"])
                uses.append(told)
            elif told is not None and element.tag == "h3":
                told.what = element.text
            elif told is not None and element.tag == "dt":
                name = element.text
            elif told is not None and element.tag == "dd":
                told.facts.append((name, element.text))
        return uses

    def withdraw(self) -> str:
        """Take the consent back from the personal space: two clicks; return what is said."""
        page = self._get("/me/")
        link = next((a for a in page.of_tag("a") if "withdrawal" in a.attributes["href"]), None)
        if link is None:
            raise PageRefused("The personal space has no link to withdraw.")
        confirmation = self._get(link.attributes["href"])
        return self._submit(_form(confirmation), {}).text

    def _open_link(self, link: str) -> Page:
        """Open a link with a secret in its fragment; the page's script posts it, as we do here."""
        address, secret = urldefrag(link)
        if not secret:
            raise PageRefused("The link has no secret in its fragment.")
        page = self._get(address)
        return self._submit(_form(page, "secret"), {"secret": secret})

    def _get(self, address: str) -> Page:
        return self._read(self._request("GET", address))

    def _submit(self, form: Form, answers: Mapping[str, str]) -> Page:
        return self._read(self._request("POST", form.action, {**form.fields, **answers}))

    def _request(
        self, method: str, address: str, data: Mapping[str, str] | None = None
    ) -> httpx.Response:
        # `__Host-` cookies are Secure; browsers treat loopback as secure, cookie jars do not, so
        # the demo keeps them itself.
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = {"Cookie": cookie} if cookie else {}
        response = self.http.request(method, address, data=data, headers=headers)
        for line in response.headers.get_list("set-cookie"):
            for name, morsel in SimpleCookie(line).items():
                self._cookies[name] = morsel.value
        return response

    def _read(self, response: httpx.Response) -> Page:
        for _ in range(_MOST_REDIRECTS):
            if not response.has_redirect_location:
                break
            address = urljoin(str(response.url), response.headers["location"])
            response = self._request("GET", address)
        page = Page(response.text)
        if response.status_code >= _FIRST_REFUSAL:
            raise PageRefused(f"The page answers {response.status_code}: {page.text[:200]}")
        return page


def _form(page: Page, field_name: str | None = None) -> Form:
    for form in page.forms:
        if form.method == "post" and (field_name is None or field_name in form.fields):
            return form
    raise PageRefused("The page does not have the form that was expected.")
