"""Step 6: the beneficiary reads every use of AI, then takes the consent back."""

from demo.centre import Refused
from demo.stage import Stage

WHAT = "The beneficiary reads every use of AI, then withdraws"
_FORBIDDEN = 403


def play(stage: Stage) -> None:
    """Read, withdraw in two clicks, and see that it holds at once."""
    story, centre, person = stage.story, stage.centre, stage.person
    if person is None:
        raise RuntimeError("The beneficiary has not entered yet.")
    with story.step(WHAT) as step:
        with story.act("the personal space opened with the person's own link"):
            uses = person.uses_of_ai(stage.personal_link)
        for use in uses:
            story.terminal.quoted(use.what)
            story.terminal.facts(use.facts)
        assisted = {run.record for run in stage.runs.values() if run.mode == "assisted"}
        story.hold(
            sorted(use.record for use in uses) == sorted(assisted),
            f"{len(uses)} uses of AI are told in plain French, each with its record",
        )
        with story.act("consent withdrawn in two clicks, without a reason"):
            said = person.withdraw()
        story.terminal.quoted(said)
        consent = centre.consent(stage.ids["consent"])
        story.hold(consent["status"] == "revoked", "the consent is revoked")
        _try_again(stage)
        step.ids = {"consent": stage.ids["consent"]}
        step.outcome = "withdrawn; assisted runs are refused at once, computed runs go on"


def _try_again(stage: Stage) -> None:
    story, centre, before = stage.story, stage.centre, len(stage.sent())
    asked = {"bilan": stage.ids["bilan"], "document": stage.ids["document"]}
    refusal = centre.refusal(
        "cv-analysis", {**asked, "mode": "assisted"}, consent_token=stage.consent_token
    )
    if refusal is not None:
        story.terminal.quoted(refusal.told)
    story.hold(
        refusal is not None and (refusal.status, refusal.code) == (_FORBIDDEN, "consent_revoked"),
        "the next assisted run is refused (403 consent_revoked), although its token is still young",
    )
    story.hold(_no_token(stage), "no new consent token can be drawn")
    story.hold(len(stage.sent()) == before, "nothing left towards the model")
    with story.act("cv-analysis, computed, after the withdrawal"):
        run = centre.run("cv-analysis", {**asked, "mode": "computed"})
    story.hold(run.mode == "computed", "a computed run still works: the bilan goes on without AI")


def _no_token(stage: Stage) -> bool:
    try:
        stage.centre.draw_consent_token(stage.ids["consent"])
    except Refused as refusal:
        return refusal.status == _FORBIDDEN
    return False
