"""The beneficiary's pages are read as a browser reads them, and answered by the person alone."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs

import pytest

from demo.beneficiary import Beneficiary, PageRefused
from demo.pages import Page

DECISION = """<html><head><title>Votre accord</title><script>var x = "caché";</script></head><body><main>
<div class="notice">Première ligne.\n\nSeconde ligne &amp; fin.</div>
<form method="post" action="/consent/decision"><input type="hidden" name="notice_sha256" value="ab">
<label><input type="radio" name="decision.analysis" value="granted" required> J’accepte</label>
<label><input type="radio" name="decision.analysis" value="refused" required> Je refuse</label>
<input type="radio" name="decision.drafting" value="granted"{ticked}><input type="radio" name="decision.drafting" value="refused">
<button>Valider</button></form></main></body></html>"""
OPEN = '<form method="post" action="/consent/session"><input id="secret" name="secret" type="text"></form>'
THANKS = '<p>Enregistré</p><a href="/me/#personal" data-personal-link>Mon espace</a><textarea data-receipt>a.b.c</textarea>'
SPACE = """<a class="button" href="/me/withdrawal">Retirer mon accord</a>
<article data-record="rec_1"><h3>Lecture</h3><dl><dt>Quand</dt><dd>hier</dd><dt>Preuve</dt><dd><code>rec_1</code></dd></dl></article>
<article data-record="rec_2"><h3>Pistes</h3></article>"""


class Platform(BaseHTTPRequestHandler):
    ticked = ""
    posted: list[tuple[str, dict]] = []

    def do_GET(self):
        session = "__Host-passerelle=abc" in (self.headers["Cookie"] or "")
        pages = {
            "/consent/": OPEN,
            "/me/": SPACE if session else OPEN.replace("consent", "me"),
            "/consent/decision": DECISION.replace("{ticked}", self.ticked) if session else "",
            "/me/withdrawal": '<form method="post" action="/me/withdrawal"><button>Oui</button></form>',
        }
        self._answer(200 if pages.get(self.path) else 404, pages.get(self.path, "<p>Rien ici</p>"))

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.posted.append((self.path, {k: v[0] for k, v in parse_qs(body).items()}))
        if self.path.endswith("/session"):
            self.send_response(303)
            self.send_header(
                "Set-Cookie", "__Host-passerelle=abc; HttpOnly; Path=/; SameSite=strict; Secure"
            )
            self.send_header(
                "Location",
                self.path.replace("session", "decision" if "consent" in self.path else "").rstrip(
                    "/"
                )
                + ("" if "consent" in self.path else "/"),
            )
            self.end_headers()
        else:
            self._answer(
                200,
                THANKS
                if "consent" in self.path
                else "<main><p>C’est fait.</p><p>Au revoir.</p></main>",
            )

    def _answer(self, status, html):
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(html.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def platform():
    Platform.ticked, Platform.posted = "", []
    server = HTTPServer(("127.0.0.1", 0), Platform)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def person(platform):
    person = Beneficiary.at(platform)
    yield person
    person.close()


def test_one_purpose_is_refused_and_the_others_are_accepted(platform, person):
    decided = person.decide(f"{platform}/consent/#secret-in-the-fragment", refuse={"drafting"})
    assert Platform.posted[0] == ("/consent/session", {"secret": "secret-in-the-fragment"})
    assert Platform.posted[1][1] == {
        "notice_sha256": "ab",
        "decision.analysis": "granted",
        "decision.drafting": "refused",
    }
    assert decided.shown == ("analysis", "drafting")
    assert (decided.personal_link, decided.receipt) == ("/me/#personal", "a.b.c")
    assert decided.notice == "Première ligne.\n\nSeconde ligne & fin."


def test_a_page_that_ticks_an_answer_in_advance_is_not_answered(platform, person):
    Platform.ticked = " checked"
    with pytest.raises(PageRefused, match="ticked"):
        person.decide(f"{platform}/consent/#s", refuse=())
    assert [path for path, _ in Platform.posted] == ["/consent/session"]


def test_a_link_without_its_secret_opens_nothing(platform, person):
    with pytest.raises(PageRefused, match="secret"):
        person.decide(f"{platform}/consent/", refuse=())


def test_a_page_that_fails_is_told(platform, person):
    with pytest.raises(PageRefused, match="404"):
        person.decide(f"{platform}/nowhere#s", refuse=())


def test_each_use_of_ai_is_read_with_its_facts(person):
    first, second = person.uses_of_ai("/me/#personal")
    assert (first.record, first.what) == ("rec_1", "Lecture")
    assert first.facts == [("Quand", "hier"), ("Preuve", "rec_1")]
    assert (second.record, second.facts) == ("rec_2", [])


def test_withdrawing_takes_two_clicks(person):
    person.uses_of_ai("/me/#personal")
    assert person.withdraw() == "C’est fait. Au revoir."
    assert Platform.posted[-1] == ("/me/withdrawal", {})


def test_scripts_and_styles_are_not_read():
    page = Page("<body><style>p{}</style><p>Un</p><script>deux</script><p>Trois</p></body>")
    assert page.text == "Un Trois"


def test_an_unclosed_element_does_not_swallow_what_follows():
    page = Page("<main><ul><li>un<li>deux</ul><p>trois</p></main><p>dehors</p>")
    assert page.text == "un deux trois"
