"""Seven plain lines for each use of AI, from the records alone (transparency-record, section 5)."""

import pytest

from gateway.records.telling import LABELS, told

NAMES = {"rcp_mistral-eu": "Mistral AI SAS"}
SENT = {
    "use_case_id": "cv-analysis", "purpose_code": "analysis", "input_categories": ["cv"],
    "entity_counts": {"PERSON": 3, "LOCATION": 2}, "special_categories_detected": ["sante"],
    "special_categories_action": "removed", "provider_name": "rcp_mistral-eu",
    "model_requested": "mistral-small", "routing_decision": "eu", "processing_location": ["FR"],
}  # fmt: skip


def record(kind, number, body=None, prev=None, **members):
    made = {
        "id": f"rec_{number}", "kind": kind, "occurred_at": f"2026-11-23T10:{number:02}:05Z",
        "body": body or {}, "prev": prev, **members,
    }  # fmt: skip
    return {name: value for name, value in made.items() if value is not None}


def whole_story():
    return [
        record("ai.dispatch", 12, SENT),
        record("ai.result", 13, {"model_returned": "mistral-small-2506"}, "rec_12"),
        record("ai.marked", 14, {"report": "rep_1"}, "rec_12"),
        record(
            "human.review", 15, {"review_decision": "accepted_modified", "review_reason": "corrected"},
            "rec_12", act="usr_1",
        ),
        record("output.contested", 16, {}, "rec_12"),
    ]  # fmt: skip


def lines(use):
    return {line.label: line.text for line in use.lines}


def test_each_use_has_seven_lines_in_this_order():
    (use,) = told(whole_story(), NAMES).uses
    assert [line.label for line in use.lines] == list(LABELS)
    assert len(LABELS) == 7
    assert lines(use) == {
        "Quand": "Le 23 novembre 2026 à 11 h 12 (heure de Paris).",
        "Pour quoi": "Lecture d’un parcours (but\u00a0: Analyser votre parcours).",
        "Quelles données": (
            "Votre CV. 5\u00a0éléments masqués avant l’envoi (noms, "
            "coordonnées, lieux). Ce qui touche à la santé a été retiré avant l’envoi."
        ),
        "Quel modèle, où": (
            "Mistral AI SAS, dans l’Union européenne, en France. Modèle\u00a0: mistral-small-2506."
        ),
        "Ce qui en est sorti": (
            "Un texte a été produit pour votre conseiller ou votre conseillère. Il figure dans "
            "votre document de synthèse, signalé comme préparé avec une IA."
        ),
        "Qui a vérifié": (
            "Le 23 novembre 2026 à 11 h 15, relu par votre conseiller ou votre conseillère "
            "(usr_1)\u00a0: accepté après modification (corrigé)."
        ),
        "Ce que je peux faire": (
            "Vous l’avez contesté le 23 novembre 2026. Dans votre espace personnel, vous pouvez "
            "retirer votre accord, dire que vous n’êtes pas d’accord avec cet usage, et recevoir une "
            "copie de tout."
        ),
    }


def test_what_no_record_says_is_told_as_not_noted():
    (use,) = told([record("ai.dispatch", 12), record("ai.result", 13, {}, "rec_12")]).uses
    said = lines(use)
    assert said["Quelles données"] == (
        "Ce n’est pas noté dans le registre. Ce qui a été masqué avant n’est pas noté."
    )
    assert said["Quel modèle, où"] == "Ce n’est pas noté dans le registre."
    assert said["Qui a vérifié"] == "Aucune relecture n’est notée dans le registre."
    assert "n’est pas noté" in said["Ce qui en est sorti"]
    assert use.what == "Un usage dont le nom n’est pas noté"


def test_a_use_that_was_reviewed_block_by_block_still_fits_on_a_page():
    said = {"review_decision": "accepted_modified", "review_reason": "corrected"}
    reviews = [record("human.review", 15 + n, said, "rec_12", act="usr_1") for n in range(40)]
    (use,) = told([record("ai.dispatch", 12, SENT), *reviews]).uses
    line = lines(use)["Qui a vérifié"]
    assert line.startswith("40\u00a0relectures sont notées\u00a0; voici les dernières. Le 23")
    assert "11 h 54" in line
    assert len(line) < 2000


@pytest.mark.parametrize("field", sorted(SENT))
def test_every_field_that_is_told_is_read_from_the_record(field):
    story = whole_story()
    without = [{**story[0], "body": {k: v for k, v in SENT.items() if k != field}}, *story[2:]]
    full = [story[0], *story[2:]]
    assert told(without, NAMES).uses[0].lines != told(full, NAMES).uses[0].lines


def test_a_call_that_came_to_nothing_is_one_short_line():
    refused = {"refusal_reason": "consent_revoked", "use_case_id": "cv-analysis", "refusals_since_last": 4}  # fmt: skip
    answer = told(
        [
            record("gate.refused", 10, refused),
            record("ai.dispatch", 12, SENT),
            record("ai.cancelled", 13, {"reason": "consent_revoked"}, "rec_12"),
        ],
        NAMES,
    )
    assert answer.uses == ()
    stopped, refusal = answer.unused
    assert refusal.text == (
        "Le 23 novembre 2026 à 11 h 10\u00a0: Lecture d’un parcours, refusé avant tout envoi, parce que vous "
        "aviez retiré votre accord. De même 4\u00a0fois juste avant."
    )
    assert stopped.text == (
        "Le 23 novembre 2026 à 11 h 12\u00a0: Lecture d’un parcours, arrêté. L’appel à Mistral AI SAS avait été "
        "permis\u00a0; rien n’a été gardé."
    )


def test_a_call_that_failed_is_told_whole_for_data_were_sent():
    (use,) = told([record("ai.dispatch", 12, SENT), record("ai.error", 13, {}, "rec_12")]).uses
    assert lines(use)["Ce qui en est sorti"] == "L’appel a échoué\u00a0: rien n’a été gardé."
    assert "rcp_mistral-eu" in lines(use)["Quel modèle, où"]


def test_what_rules_computed_never_passes_for_ai():
    answer = told([record("run.computed", 12, {"use_case_id": "cv-analysis"})], NAMES)
    assert answer.uses == ()
    (run,) = answer.computed
    assert run.computed
    assert lines(run)["Quel modèle, où"].startswith("Aucun\u00a0: calculé par des règles")


def test_the_newest_come_first_and_the_oldest_go_first():
    story = [record("ai.dispatch", number, SENT) for number in (11, 13)]
    story.append(record("run.computed", 12))
    answer = told(story, NAMES)
    assert [use.record for use in answer.uses] == ["rec_13", "rec_11"]
    kept = answer.newest(2)
    assert ([u.record for u in kept.uses], [u.record for u in kept.computed]) == (["rec_13"], ["rec_12"])  # fmt: skip
    assert len(kept) == 2


def test_what_the_law_protects_is_named_in_whole_words():
    body = {**SENT, "special_categories_detected": ["sante", "opinion", "syndicat"]}
    (use,) = told([record("ai.dispatch", 12, body)]).uses
    assert "Ce qui touche à la santé, aux opinions et à un syndicat a été" in lines(use)[LABELS[2]]


def test_each_step_of_a_consent_is_one_line():
    body = {"purposes": {"analysis": "granted", "exploration": "refused"}}
    (given,) = told([record("consent.authorised", 12, body)]).consents
    assert given.text == (
        "Le 23 novembre 2026 à 11 h 12, vous avez donné votre accord\u00a0: Analyser votre parcours "
        "(accepté), Explorer des pistes de métiers (refusé)."
    )
