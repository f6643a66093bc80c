"""Step 2: people, a bilan with its agreement, and a consent that only the person can give."""

from collections.abc import Mapping, Sequence
from typing import Any

from demo.beneficiary import Beneficiary, PageRefused
from demo.consent_receipts import verified
from demo.stage import Stage

WHAT = "A bilan is opened; the beneficiary decides what AI may be used for"
REFUSED = "drafting"
_ASKED = (("analysis", "cv"), ("exploration", "cv"), (REFUSED, "project"))


def play(stage: Stage) -> None:
    """Ask for three purposes; the beneficiary accepts two and refuses the third."""
    story, centre = stage.story, stage.centre
    with story.step(WHAT) as step:
        _open_bilan(stage)
        with story.act("consent asked for, purpose by purpose") as told:
            asked = centre.request_consent(stage.ids["bilan"], _grants(centre.recipients()))
            stage.ids["consent"] = asked["id"]
            told.append("(the answer holds a one-time link for the beneficiary)")
        stage.person = Beneficiary.at(stage.platform.url)
        with story.act("the beneficiary opened the link, read, and answered each question"):
            decided = stage.person.decide(asked["ceremony_url"], refuse={REFUSED})
        stage.personal_link = decided.personal_link
        for line in decided.notice.split("\n"):
            story.terminal.quoted(line)
        story.hold(
            set(decided.shown) == {purpose for purpose, _ in _ASKED},
            "the page asked one question a purpose, with nothing ticked in advance",
        )
        consent = centre.consent(asked["id"])
        given = {grant["purpose"]: grant["decision"] for grant in consent["grants"]}
        story.hold(
            consent["status"] == "authorised"
            and given == {p: "refused" if p == REFUSED else "granted" for p, _ in _ASKED},
            "analysis and exploration are accepted, drafting is refused",
        )
        story.hold(_is_refused_again(stage, asked["ceremony_url"]), "the link opens only once")
        stage.consent_token = centre.draw_consent_token(asked["id"])
        receipt = centre.consent_receipt(asked["id"])
        _check_receipts(
            stage,
            consent,
            {"the person": decided.receipt, "the centre": receipt["receipt"]},
            decided.notice,
        )
        story.keep_json("consent-receipt.json", {"consent": consent, **receipt})
        step.ids = dict(stage.ids)
        step.outcome = "accepted: analysis, exploration; refused: drafting; consent token drawn"


def _open_bilan(stage: Stage) -> None:
    centre, story, ids = stage.centre, stage.story, stage.ids
    with story.act(
        "a counsellor, bound to secrecy, and a beneficiary (no name: an opaque id) created"
    ):
        ids["counsellor"] = centre.create_counsellor()
        ids["beneficiary"] = centre.create_beneficiary()
    centre.act_for(ids["counsellor"])
    plan = {
        "beneficiary": ids["beneficiary"],
        "counsellor": ids["counsellor"],
        "funding": "CPF",
        "planned_minutes": 1440,
        "support_minutes": 840,
        "starts_on": stage.dates.ago(56),
        "ends_on": stage.dates.ahead(14),
        "employer_siren": None,
    }
    with story.act("a bilan of 24 hours created, opened by the worker's own agreement") as told:
        ids["bilan"] = centre.create_bilan(plan)
        opened = centre.record_agreement(ids["bilan"], agreed_on=stage.dates.ago(56))
        told.append(f"(status: {opened['status']})")
    story.hold(opened["status"] == "open", "the bilan is open")


def _grants(recipients: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Ask for each purpose with everybody who may receive, so that the page names them all."""
    who = [recipient["id"] for recipient in recipients]
    where = sorted({place for r in recipients for place in r["jurisdictions"]})
    return [
        {"purpose": p, "data_categories": [c], "recipients": who, "jurisdictions": where}
        for p, c in _ASKED
    ]


def _check_receipts(
    stage: Stage, consent: Mapping[str, Any], receipts: Mapping[str, str], notice: str
) -> None:
    """Verify the person's proof and the centre's: both say what was shown and decided."""
    keys = stage.centre.public_keys()
    for holder, receipt in receipts.items():
        told = verified(receipt, keys)
        stage.story.hold(
            told["consent"]["id"] == consent["id"]
            and told["consent"]["grants"] == consent["grants"]
            and told["notice"]["text"].split() == notice.split(),
            f"{holder} holds a receipt of the notice and the answers; its signature was verified",
        )


def _is_refused_again(stage: Stage, link: str) -> bool:
    stranger = Beneficiary.at(stage.platform.url)
    try:
        stranger.decide(link, refuse=())
    except PageRefused:
        return True
    finally:
        stranger.close()
    return False
