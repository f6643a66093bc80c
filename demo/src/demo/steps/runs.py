"""Step 4: what rules compute, what a model may word, and what it may not."""

from collections.abc import Mapping
from typing import Any

from demo import wire
from demo.centre import Refused, Run
from demo.scripted_model import NOTICE, RECIPIENT
from demo.stage import Stage
from demo.summary import NotHeld

WHAT = "Six runs by rules, two with a model, one that the beneficiary did not allow"
_FORBIDDEN = 403
_SHOWN = 3
_EVERYWHERE = "FR"


def play(stage: Stage) -> None:
    """Run every use case of the demo and look at what left for it."""
    story = stage.story
    with story.step(WHAT) as step:
        _compute(stage)
        story.hold(not stage.sent(), "the computed runs sent nothing to any model")
        _tell_model(stage)
        _assist(stage)
        _look_at_the_wire(stage)
        _ask_for_too_much(stage)
        step.ids = {name: run.id for name, run in stage.runs.items()}
        step.outcome = (
            f"{len(stage.runs)} runs succeeded, one was refused; "
            f"{len(stage.sent())} requests left towards the model"
        )


def _compute(stage: Stage) -> None:
    document = {"document": stage.ids["document"]}
    _computed(stage, "cv-analysis", document)
    _computed(stage, "skills-inventory", document)
    _computed(stage, "occupation-exploration", document)
    _choose_occupation(stage)
    target = {"occupation": stage.occupation}
    _computed_where_known(stage, target)
    gap = _computed(stage, "skills-gap", {**document, **target})
    _computed(stage, "training-suggestions", {**target, "runs": [gap.id]})


def _computed(stage: Stage, use_case: str, inputs: Mapping[str, Any]) -> Run:
    """Run by rules, and let the counsellor accept the result: the next runs build on it."""
    asked = {"bilan": stage.ids["bilan"], "mode": "computed", **inputs}
    with stage.story.act(f"{use_case}, computed:") as told:
        run = stage.centre.run(use_case, asked)
        told.append(_said(run))
    if run.mode != "computed" or run.envelope["marking"]["ai"]:
        raise NotHeld(f"{use_case} was asked for as computed and is not marked so")
    stage.centre.review_run(run.id)
    stage.runs[f"{use_case}/computed"] = run
    return run


def _computed_where_known(stage: Stage, target: Mapping[str, str]) -> None:
    """Read the market of the person's département, or of France where there are no figures."""
    try:
        _computed(stage, "market-trends", {**target, "territory": stage.territory})
    except Refused as refusal:
        if stage.territory == _EVERYWHERE:
            raise
        stage.story.terminal.noted(f"no figures for {stage.territory} ({refusal.code}): France")
        stage.territory = _EVERYWHERE
        _computed(stage, "market-trends", {**target, "territory": stage.territory})


def _choose_occupation(stage: Stage) -> None:
    """Take the occupation of the person's project; where none is told, the first lead."""
    leads = stage.runs["occupation-exploration/computed"].result["leads"]
    wanted = stage.cv.about.get("project", {}).get("occupation")
    if not wanted and leads:
        wanted = leads[0]["code"]
    if not wanted:
        found = stage.centre.find_occupation("assistant")
        wanted = found["code"] if found else "M1602"
    stage.occupation = str(wanted)
    stage.story.terminal.done(f"the beneficiary chose to look at {stage.occupation} more closely")


def _said(run: Run) -> str:
    """Tell the result of a run in a few words."""
    result = run.result
    told = ""
    match run.use_case:
        case "cv-analysis":
            told = f"{len(result['experiences'])} experiences, {len(result['education'])} degrees"
        case "skills-inventory":
            told = _listed("skills", [skill["label"] for skill in result["skills"]])
        case "occupation-exploration":
            told = _listed("leads", [lead["label"] for lead in result["leads"]])
        case "market-trends":
            told = str(result["reading"])
        case "skills-gap":
            states = [gap["state"] for gap in result["gaps"]]
            counted = ", ".join(f"{states.count(s)} {s}" for s in dict.fromkeys(states))
            told = f"{result['target']['label']}: {counted}"
        case "training-suggestions":
            told = _listed("certifications", [t["title"] for t in result["trainings"]])
    return told


def _listed(what: str, labels: list[str]) -> str:
    more = "…" if len(labels) > _SHOWN else ""
    return f"{len(labels)} {what}: {', '.join(labels[:_SHOWN])}{more}"


# ---------------------------------------------------------------------- with a model


def _tell_model(stage: Stage) -> None:
    terminal = stage.story.terminal
    if stage.endpoint is None:
        terminal.noted(
            f"No model is configured: a scripted server answers in its place ({RECIPIENT}, "
            f"“{NOTICE}”). Its words prove the way there and back, not what a model can do."
        )
    else:
        terminal.noted(f"The model is {stage.endpoint.told}.")


def _assist(stage: Stage) -> None:
    story, centre = stage.story, stage.centre
    asked = {
        "bilan": stage.ids["bilan"],
        "mode": "assisted",
        "document": stage.ids["document"],
    }
    with story.act("cv-analysis, assisted, as a stream:") as told:
        streamed = centre.run_streaming("cv-analysis", asked, consent_token=stage.consent_token)
        told.append(f"{len(streamed.pieces)} pieces, the first after {streamed.first_piece_ms} ms")
    run = streamed.run
    _show(stage, [*run.result["threads"], *run.result["strengths"]])
    story.hold(len(streamed.pieces) > 1, "the answer came piece by piece, already restored")
    _check_assisted(stage, run, wire.texts_of(list(streamed.pieces)))
    with story.act("occupation-exploration, assisted"):
        run = centre.run("occupation-exploration", asked, consent_token=stage.consent_token)
    _show(stage, [reason for lead in run.result["leads"] for reason in lead["reasons"]])
    story.hold(
        run.headers.get("transparency-record") == run.record and "ai-generated" in run.headers,
        "the answer carries Transparency-Record and AI-Generated",
    )
    _check_assisted(stage, run, "")


def _show(stage: Stage, claims: list[Mapping[str, Any]]) -> None:
    for claim in claims[:_SHOWN]:
        proofs = [e for e in claim["evidence"] if e.get("quote")]
        proof = f" [preuve : « {proofs[0]['quote']} »]" if proofs else " [hypothèse]"
        stage.story.terminal.quoted(f"{claim['text']}{proof}")


def _check_assisted(stage: Stage, run: Run, streamed: str) -> None:
    """Make sure that a model's answer came back whole, marked, proved, and reviewed."""
    story, marking = stage.story, run.envelope["marking"]
    said = f"{wire.texts_of(dict(run.result))}\n{streamed}"
    story.hold(
        run.mode == "assisted" and marking["ai"] and marking["record"] == run.record,
        f"it is marked as written by AI, with its record {run.record}",
    )
    if stage.endpoint is None:
        story.hold(
            not wire.SURROGATE.search(said)
            and not wire.MANGLED.search(said)
            and not run.envelope.get("unknown_surrogates"),
            "every surrogate was restored, also those that were written wrongly",
        )
        story.hold(
            run.envelope["evidence_coverage"],
            f"{run.envelope['evidence_coverage']} % of its claims quote the CV word for word",
        )
    stage.centre.review_run(run.id)
    stage.runs[f"{run.use_case}/assisted"] = run


def _look_at_the_wire(stage: Stage) -> None:
    story, sent = stage.story, stage.sent()
    for number, request in enumerate(sent, 1):
        head = f" {number}. POST {request.url} ({len(request.body)} bytes) "
        story.terminal.exact(head, request.body)
    story.keep(
        "sent-to-model.txt",
        b"".join(f"POST {s.url}\n".encode() + s.body + b"\n\n" for s in sent),
    )
    story.hold(len(sent) >= 2, f"{len(sent)} requests left; these are their exact bytes")  # noqa: PLR2004 - two runs
    if stage.scripted_url:
        story.hold(
            wire.received(stage.scripted_url) == [s.body for s in sent],
            "what the model received equals this copy, byte for byte",
        )
    found = [leak for s in sent for leak in wire.leaks(s.body, stage.identifiers())]
    story.hold(
        not found,
        f"none of the {len(stage.identifiers())} direct identifiers of the person is in them",
    )
    words = stage.cv.special_words
    if words:
        leaked = [w for s in sent for w in wire.leaks(s.body, [*words, *stage.cv.about["hidden"]])]
        story.hold(not leaked, "nor a mention of health, union or religion, nor the hidden text")


def _ask_for_too_much(stage: Stage) -> None:
    """Ask for the purpose that was refused."""
    before = len(stage.sent())
    asked = {
        "bilan": stage.ids["bilan"],
        "mode": "assisted",
        "runs": [stage.runs["skills-gap/computed"].id],
    }
    refusal = stage.centre.refusal("synthesis-draft", asked, consent_token=stage.consent_token)
    if refusal is not None:
        stage.story.terminal.quoted(refusal.told)
    stage.story.hold(
        refusal is not None
        and (refusal.status, refusal.code) == (_FORBIDDEN, "purpose_not_covered")
        and "drafting" in wire.texts_of(refusal.document),
        "drafting with AI is refused (403 purpose_not_covered), and the answer names it",
    )
    stage.story.hold(len(stage.sent()) == before, "nothing left for it")
