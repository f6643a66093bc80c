"""An attempt calls exactly one deployment, checks what comes back, and ends in one clear line."""

import asyncio
import json
import socket
import stat
from datetime import timedelta

import aiohttp
import pytest

from llm_router.attempts.breakers import Breakers
from llm_router.attempts.service import Cover


async def test_an_answer_is_streamed_checked_and_proved(router, upstream, says):
    upstream.modes = [says.answering(says.reading)]
    started, *deltas, completed = await router.lines()
    assert started["type"] == "started"
    assert started["model_requested"] == "petit-modele"
    assert started["prompt"]["id"] == "cv-analysis"
    assert len(started["prompt"]["digest"]) == 64
    assert started["parameters"] == {"temperature": "0.2", "max_output_tokens": 2000}
    assert {d["type"] for d in deltas} == {"delta"}
    assert "".join(d["text"] for d in deltas) == completed["text_digestable"]
    thread = completed["output"]["threads"][0]
    assert [says.cv[e["start"] : e["end"]] for e in thread["evidence"]] == [
        "Suivi des factures",
        "Saisie comptable",
    ]
    assert thread["hypothesis"] is False
    assert completed["output"]["strengths"][0]["hypothesis"] is True
    assert (completed["evidence_coverage"], completed["unproved"]) == (50, 1)
    assert completed["usage"] == {"input_tokens": 100, "output_tokens": 20}
    assert (
        completed
        | {
            "type": "completed",
            "finish_reason": "stop",
            "model_returned": "fake-1",
            "schema_id": "cv-analysis.output.assisted.v1",
            "schema_valid": True,
            "repaired": False,
        }
        == completed
    )


async def test_what_is_asked_of_the_upstream_is_what_the_deployment_can_do(router, upstream, says):
    upstream.modes = [says.answering(says.reading)]
    await router.lines()
    sent = json.loads(upstream.bodies[0])
    assert sent["model"] == "petit-modele"
    assert sent["stream_options"] == {"include_usage": True}
    assert sent["response_format"]["json_schema"]["name"] == "cv-analysis_answer_v1"
    assert [m["role"] for m in sent["messages"]] == ["system", "user"]
    assert "x-" not in json.dumps(sent["response_format"])


async def test_a_deployment_that_can_do_less_is_asked_for_less(routing, upstream, declared, says):
    upstream.modes = [says.answering(says.reading)]
    async with routing(declared(upstream.url, capabilities=["stream"])) as router:
        assert (await router.lines())[-1]["type"] == "completed"
    assert not {"stream_options", "response_format"} & json.loads(upstream.bodies[0]).keys()


async def test_a_key_travels_in_the_header_only(routing, upstream, declared, says, tmp_path):
    (tmp_path / "key").write_text("sk-très".replace("è", "e"))
    upstream.modes = [says.answering(says.reading)]
    async with routing(declared(upstream.url, api_key_file=str(tmp_path / "key"))) as router:
        await router.lines()
    assert upstream.headers[0]["Authorization"] == "Bearer sk-tres"
    assert b"sk-" not in upstream.bodies[0]


async def test_a_fence_or_a_thought_around_the_object_is_forgiven(router, upstream, says):
    upstream.modes = [
        says.answering("<think>{hm}</think>\n```json\n" + json.dumps(says.reading) + "\n```")
    ]
    assert (await router.lines())[-1]["repaired"] is False


async def test_an_answer_of_the_wrong_shape_is_repaired_once(router, upstream, says):
    wrong = says.reading | {"score": 12, "open_questions": []}
    upstream.modes = [says.answering(wrong), says.answering(says.reading)]
    lines = await router.lines()
    at = [line["type"] for line in lines].index("restart")
    assert lines[at]["prompt"]["id"] == "repair"
    assert "".join(d["text"] for d in lines[at + 1 : -1]) == lines[-1]["text_digestable"]
    assert lines[-1]["repaired"] is True
    assert lines[-1]["usage"] == {"input_tokens": 200, "output_tokens": 40}
    told = json.loads(upstream.bodies[1])["messages"]
    assert [m["role"] for m in told] == ["system", "user", "assistant", "user"]
    assert "seuls sont admis threads, strengths, open_questions" in told[-1]["content"]
    assert "/open_questions : au moins 1 élément(s)" in told[-1]["content"]


@pytest.mark.parametrize(
    "answer",
    ["je ne peux pas", '{"threads": NaN}', "[]", "", '{"threads":' * 5000],
    ids=["prose", "no number", "a list", "nothing", "a pit"],
)
async def test_an_answer_of_the_wrong_shape_twice_is_a_failure(router, upstream, says, answer):
    upstream.modes = [says.answering(answer, size=20_000)]
    lines = await router.lines()
    assert lines[-1]["type"] == "failed"
    assert lines[-1]["code"] == "output_invalid"
    assert len(upstream.bodies) == 2


async def test_a_quote_that_is_not_there_makes_a_hypothesis_not_a_failure(router, upstream, says):
    upstream.modes = [
        says.answering(
            says.reading
            | {"threads": [{"text": "Une idée.", "evidence": [{"quote": "jamais écrit"}]}]}
        )
    ]
    completed = (await router.lines())[-1]
    assert completed["output"]["threads"] == [
        {"text": "Une idée.", "evidence": [], "hypothesis": True}
    ]
    assert completed["evidence_coverage"] == 0


LEAD = {
    "code": "M1501",
    "label": "inventé",
    "reasons": [{"text": "Un lien.", "evidence": [{"quote": "34 salariés"}]}],
    "reservations": [],
    "field_checks": ["Aller voir."],
}
CANDIDATES = [
    {"code": "M1501", "label": "Assistanat en ressources humaines"},
    {"code": "M1203", "label": "Comptabilité"},
]


async def explore(router, says):
    inputs = {"cv": says.cv, "candidates": CANDIDATES, "sort_criterion": "par proximité"}
    headers = router.attempt_headers(purpose="exploration")
    return await router.lines(use_case="occupation-exploration", inputs=inputs, headers=headers)


async def test_a_lead_is_one_of_the_candidates_under_its_own_label(router, upstream, says):
    upstream.modes = [says.answering({"leads": [LEAD], "sort_criterion": "le meilleur d’abord"})]
    completed = (await explore(router, says))[-1]
    assert completed["output"]["leads"][0]["label"] == "Assistanat en ressources humaines"
    assert completed["output"]["sort_criterion"] == "par proximité"
    asked = json.loads(upstream.bodies[0])["response_format"]["json_schema"]["schema"]
    assert asked["properties"]["leads"]["items"]["properties"]["code"]["enum"] == ["M1501", "M1203"]


async def test_an_invented_occupation_never_gets_through(router, upstream, says):
    upstream.modes = [
        says.answering({"leads": [LEAD | {"code": "Z9999"}], "sort_criterion": "x y z"})
    ]
    assert (await explore(router, says))[-1]["code"] == "output_invalid"


GOOD_START = b'data: {"choices":[{"delta":{"content":"{"}}]}\n\n'

FAULTS = {
    "429 with Retry-After": (lambda s: s.refusing(429, Retry_After="7"), "rate_limited", True, 7),
    "429 with a date": (
        lambda s: s.refusing(429, Retry_After="Wed, 21 Oct 2026 07:28:00 GMT"),
        "rate_limited",
        True,
        None,
    ),
    "500": (lambda s: s.refusing(500), "upstream_error", True, None),
    "503": (lambda s: s.refusing(503, Retry_After="99999"), "upstream_error", True, 3600),
    "401": (lambda s: s.refusing(401), "credentials_refused", False, None),
    "400": (lambda s: s.refusing(400), "upstream_refused", False, None),
    "a redirect": (
        lambda s: s.refusing(307, Location="http://127.0.0.1:1/v1"),
        "redirect_refused",
        False,
        None,
    ),
    "another content type": (
        lambda s: s.sending(b"<html>", content_type="text/html"),
        "wrong_content_type",
        True,
        None,
    ),
    "JSON instead of a stream": (
        lambda s: s.sending(b"{}", content_type="application/json"),
        "wrong_content_type",
        True,
        None,
    ),
    "garbled JSON": (lambda s: s.sending(b"data: {oops\n\n"), "garbled_stream", True, None),
    "no object": (lambda s: s.sending(b"data: 3\n\n"), "garbled_stream", True, None),
    "choices that are none": (
        lambda s: s.sending(b'data: {"choices": 3}\n\n'),
        "garbled_stream",
        True,
        None,
    ),
    "bad UTF-8": (lambda s: s.sending(b"data: \xff\xfe\n\n"), "garbled_stream", True, None),
    "an error object": (
        lambda s: s.sending(b'data: {"error": {"message": "CV of Elodie"}}\n\n'),
        "upstream_error",
        True,
        None,
    ),
    "an end without an answer": (lambda s: s.sending(), "truncated_stream", True, None),
    "an end in mid-answer": (lambda s: s.sending(GOOD_START), "truncated_stream", False, None),
    "a cut before any text": (
        lambda s: s.cut_after(b": hello\n\n"),
        "truncated_stream",
        True,
        None,
    ),
    "a cut in mid-stream": (lambda s: s.cut_after(GOOD_START), "truncated_stream", False, None),
    "an event without end": (
        lambda s: s.sending(*[b"x" * 65536] * 20),
        "garbled_stream",
        True,
        None,
    ),
    "an answer without end": (
        lambda s: s.sending(*[s.chunk("x" * 60_000)] * 8),
        "answer_too_large",
        False,
        None,
    ),
    "the limit of tokens": (
        lambda s: s.sending(GOOD_START, s.chunk(finish_reason="length"), b"data: [DONE]\n\n"),
        "answer_cut",
        False,
        None,
    ),
    "a filter": (
        lambda s: s.sending(s.chunk(finish_reason="content_filter"), b"data: [DONE]\n\n"),
        "model_declined",
        False,
        None,
    ),
    "a refusal": (
        lambda s: s.sending(b'data: {"choices":[{"delta":{"refusal":"no"}}]}\n\n'),
        "model_declined",
        False,
        None,
    ),
}


@pytest.mark.parametrize(("fault", "code", "retryable", "wait"), FAULTS.values(), ids=FAULTS.keys())
async def test_each_fault_of_an_upstream_has_a_name(
    *, router, upstream, says, fault, code, retryable, wait
):
    upstream.modes = [fault(says)]
    failed = (await router.lines())[-1]
    assert failed["type"] == "failed"
    assert (failed["code"], failed["retryable"], failed["retry_after_s"]) == (code, retryable, wait)
    assert "Elodie" not in failed["detail"]
    assert len(upstream.bodies) == 1


QUICK = {"connect_s": 0.3, "first_token_s": 0.3, "between_tokens_s": 0.3, "whole_s": 5}


async def test_a_dead_address_is_a_failed_connection(routing, declared):
    async with routing(declared("http://127.0.0.1:1/v1")) as router:
        failed = (await router.lines())[-1]
    assert (failed["code"], failed["retryable"]) == ("connection_failed", True)


async def test_an_address_that_does_not_take_connections_is_not_waited_for(routing, declared):
    with socket.socket() as full, socket.socket() as taking_its_place:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        taking_its_place.connect(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/v1"
        async with routing(declared(url, timeouts=QUICK)) as router, asyncio.timeout(3):
            failed = (await router.lines())[-1]
    assert (failed["code"], failed["retryable"]) == ("connect_timeout", True)


SLOW = {
    "nothing at all": (lambda s: s.silent_after(), {}, "first_token_timeout", True),
    "comments only": (lambda s: s.chattering(), {}, "first_token_timeout", True),
    "silent after a token": (lambda s: s.silent_after(GOOD_START), {}, "stalled", False),
    "slower than the deadline": (
        lambda s: s.answering("x" * 4000, pace=0.1, size=1),
        {"deadline_ms": 500},
        "deadline_exceeded",
        False,
    ),
}


@pytest.mark.parametrize(("fault", "body", "code", "retryable"), SLOW.values(), ids=SLOW.keys())
async def test_nobody_is_waited_for_longer_than_said(
    *, routing, upstream, declared, says, fault, body, code, retryable
):
    upstream.modes = [fault(says)]
    async with routing(declared(upstream.url, timeouts=QUICK)) as router, asyncio.timeout(3):
        failed = (await router.lines(**body))[-1]
    assert (failed["code"], failed["retryable"]) == (code, retryable)


async def test_a_caller_who_leaves_ends_the_call_upstream(router, upstream, says):
    upstream.modes = [says.silent_after(GOOD_START)]
    attempts = router.app.state.attempts
    events = attempts.events(_task(attempts, says))
    assert (await anext(events)).type == "started"
    assert (await anext(events)).type == "delta"
    await events.aclose()
    async with asyncio.timeout(1):
        await upstream.left.wait()


def _task(attempts, says):
    return attempts.admitted(
        deployment="here",
        use_case="cv-analysis",
        inputs={"cv": says.cv},
        deadline=timedelta(seconds=20),
        cover=Cover("here", "rcp_here", "analysis", ("cv",)),
    )


async def test_a_name_of_a_local_deployment_that_leads_outside_is_not_followed(
    routing, declared, monkeypatch
):
    async def elsewhere(*_, **__):
        return [
            {
                "hostname": "vllm",
                "host": "93.184.216.34",
                "port": 80,
                "family": 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    monkeypatch.setattr(aiohttp.ThreadedResolver, "resolve", elsewhere)
    async with routing(declared("http://vllm/v1")) as router:
        failed = (await router.lines())[-1]
    assert (failed["code"], failed["retryable"]) == ("address_not_private", False)


async def test_the_exact_bytes_that_leave_are_kept_when_asked(
    routing, upstream, declared, says, tmp_path
):
    upstream.modes = [says.answering("{}"), says.answering(says.reading)]
    copy = tmp_path / "wire.txt"
    async with routing(declared(upstream.url), wire_copy_file=copy) as router:
        await router.lines()
    kept = copy.read_bytes()
    for body in upstream.bodies:
        head, kept = kept.split(b"\n", 1)
        size = json.loads(head)["bytes"]
        assert (kept[:size], kept[size : size + 1]) == (body, b"\n")
        kept = kept[size + 1 :]
    assert kept == b""
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


async def test_when_the_copy_cannot_be_written_nothing_leaves(
    routing, upstream, declared, says, tmp_path
):
    upstream.modes = [says.answering(says.reading)]
    copy = tmp_path / "folder" / "wire.txt"
    copy.parent.mkdir()
    async with routing(declared(upstream.url), wire_copy_file=copy) as router:
        copy.unlink()
        copy.parent.rmdir()
        failed = (await router.lines())[-1]
    assert failed["code"] == "wire_copy_failed"
    assert upstream.bodies == []


REFUSALS = {
    "a pass for another deployment": ({}, {"deployment": "other"}, 403, "deployment_not_admitted"),
    "a pass for another recipient": (
        {},
        {"recipient": "rcp_other"},
        403,
        "deployment_not_admitted",
    ),
    "a pass for another purpose": ({}, {"purpose": "drafting"}, 403, "deployment_not_admitted"),
    "a category nobody knows": (
        {},
        {"data_categories": ("criminal",)},
        403,
        "deployment_not_admitted",
    ),
    "an unknown use case": ({"use_case": "horoscope"}, {}, 404, "unknown_use_case"),
    "an unknown deployment": ({"deployment": "nowhere"}, {}, 404, "unknown_deployment"),
    "a computed use case": ({"use_case": "skills-gap"}, {}, 409, "not_assisted"),
    "a missing input": ({"inputs": {}}, {}, 422, "invalid_inputs"),
    "an unknown input": ({"inputs": {"cv": "x", "prenom": "y"}}, {}, 422, "invalid_inputs"),
    "an input of the wrong type": ({"inputs": {"cv": 3}}, {}, 422, "invalid_inputs"),
    "no time at all": ({"deadline_ms": 0}, {}, 422, "invalid_request"),
}


@pytest.mark.parametrize(
    ("body", "claims", "status", "code"), REFUSALS.values(), ids=REFUSALS.keys()
)
async def test_what_is_not_covered_is_refused_before_anybody_is_called(
    *, router, upstream, body, claims, status, code
):
    answer = await router.attempt(**body, headers=router.attempt_headers(**claims))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert upstream.bodies == []


async def test_constraints_that_are_absent_permit_nothing(router):
    answer = await router.attempt(
        headers=router.headers("attempt", purpose="analysis", data_categories=("cv",))
    )
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "categories", [("cv", "special.health"), ()], ids=["health", "nothing said"]
)
async def test_special_categories_stay_in_whatever_the_pass_says(routing, declared, categories):
    cloud = declared("https://x.example.org/v1", hosting="cloud", contract_reference="C")
    async with routing(cloud) as router:
        answer = await router.attempt(headers=router.attempt_headers(data_categories=categories))
    assert (answer.status_code, answer.json()["reason"]) == (403, "local_only")


async def test_a_deployment_that_keeps_failing_is_left_alone_then_tried_again(
    routing, upstream, declared, says
):
    upstream.modes = [says.refusing(500)] * 2 + [says.answering(says.reading)]
    rest = timedelta(milliseconds=300)
    async with routing(declared(upstream.url), breaker_failures=2, breaker_rest=rest) as router:
        assert [(await router.lines())[-1]["code"] for _ in range(2)] == ["upstream_error"] * 2
        left_alone = (await router.lines())[-1]
        assert (left_alone["code"], left_alone["retryable"], left_alone["retry_after_s"]) == (
            "breaker_open",
            True,
            1,
        )
        assert len(upstream.bodies) == 2
        await asyncio.sleep(0.35)
        assert (await router.lines())[-1]["type"] == "completed"


def test_only_one_call_tries_a_deployment_after_its_rest():
    at = [0.0]
    breakers = Breakers(1, timedelta(seconds=10), now=lambda: at[0])
    breakers.failed("d")
    assert breakers.wait_s("d") == 10
    at[0] = 10.5
    assert breakers.resting() == frozenset()
    assert (breakers.wait_s("d"), breakers.wait_s("d")) == (None, 1)
    assert breakers.resting() == {"d"}
    breakers.abandoned("d")
    assert breakers.wait_s("d") is None
    breakers.failed("d")
    assert breakers.wait_s("d") == 10
    breakers.succeeded("d")
    assert breakers.wait_s("d") is None
