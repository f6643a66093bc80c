"""Three phases, in order, each closed by a counsellor, the last after a human interview (R6313-4)."""

import asyncio
import itertools
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gateway.phases.rules import (
    AIMS,
    Aim,
    BilanPhase,
    Course,
    PhaseRefusal,
    PhaseStatus,
    after_closing,
    after_interview,
    closing_refusal,
    interview_refusal,
    missing_aims,
)

FULL = {phase: sorted(wanted[0]) for phase, wanted in AIMS.items()}
INTERVIEW = {"held_on": "2026-11-02", "minutes": 60, "format": "video", "individual": True}


def problem(answer):
    return answer.status_code, answer.json()["code"]


# ---------------------------------------------------------------- over HTTP


@pytest.fixture
def interview(centre, bilan):
    async def hold(phase, **changes):
        body = {**INTERVIEW, "phase": phase, **changes}
        return await centre.call("POST", f"/v1/bilans/{bilan.id}/interviews", json=body)

    return hold


@pytest.fixture
def close(centre, bilan):
    async def closing(phase, aims=None, cosigned_on="2026-11-03"):
        body = {
            "aims": FULL[BilanPhase(phase)] if aims is None else aims,
            "cosigned_on": cosigned_on,
        }
        return await centre.call("POST", f"/v1/bilans/{bilan.id}/phases/{phase}/closing", json=body)

    return closing


async def test_a_whole_bilan_phase_by_phase(centre, bilan, interview, close):
    for phase in BilanPhase:
        assert (await interview(phase)).status_code == 201
        assert (await close(phase)).status_code == 201
    told = (await centre.call("GET", f"/v1/bilans/{bilan.id}/phases")).json()
    assert [(p["phase"], p["status"], p["closed_by"]) for p in told["items"]] == [
        (str(phase), "closed", bilan.counsellor) for phase in BilanPhase
    ]
    assert told["minutes"] == 180


async def test_no_phase_comes_before_its_turn(interview, close):
    for phase in ("investigation", "conclusion"):
        assert problem(await interview(phase)) == (409, "phase_order")
        assert problem(await close(phase)) == (409, "phase_order")
    await close("preliminary")
    assert problem(await close("preliminary")) == (409, "phase_order")


async def test_each_legal_aim_is_stated_and_none_of_another_phase(close):
    answer = await close("preliminary", aims=["need_analysed", "steps_planned"])
    assert problem(answer) == (422, "phase_aims_missing")
    assert answer.json()["missing"] == ["conduct_agreed", "format_determined"]
    assert answer.json()["foreign"] == ["steps_planned"]


async def test_how_the_bilan_is_run_is_co_signed(close):
    assert problem(await close("preliminary", cosigned_on=None)) == (422, "cosignature_needed")


async def test_the_second_phase_may_end_with_alternatives_instead_of_a_project(close):
    await close("preliminary")
    assert (await close("investigation", aims=["alternatives_drawn_up"])).status_code == 201


async def test_the_conclusion_closes_after_an_individual_interview_in_it(interview, close):
    await interview("preliminary")
    await close("preliminary")
    await close("investigation")
    assert problem(await close("conclusion")) == (409, "interview_needed")
    await interview("conclusion", individual=False)
    assert problem(await close("conclusion")) == (409, "interview_needed")
    await interview("conclusion")
    assert (await close("conclusion")).status_code == 201


async def test_interviews_never_exceed_the_planned_hours(centre, bilan, interview):
    for minutes in (600, 600):
        assert (await interview("preliminary", minutes=minutes)).status_code == 201
    over = await interview("preliminary", minutes=241)
    assert problem(over) == (409, "hours_exceeded")
    assert over.json()["minutes_left"] == 240
    tag = (await centre.call("GET", f"/v1/bilans/{bilan.id}")).headers["etag"]
    shorter = await centre.call(
        "PATCH",
        f"/v1/bilans/{bilan.id}",
        json={"planned_minutes": 1199},
        headers={"If-Match": tag},
    )
    assert problem(shorter) == (409, "hours_exceeded")


async def test_of_two_interviews_at_once_only_what_fits_is_recorded(interview):
    await interview("preliminary", minutes=600)
    both = await asyncio.gather(*(interview("preliminary", minutes=500) for _ in range(2)))
    assert sorted(answer.status_code for answer in both) == [201, 409]


async def test_only_an_assigned_counsellor_records_and_closes(centre, interview, close):
    await centre.log_in()
    assert problem(await interview("preliminary")) == (403, "counsellor_needed")
    assert problem(await close("preliminary")) == (403, "counsellor_needed")


async def test_what_is_still_to_come_is_not_recorded_as_done(interview, close):
    assert problem(await interview("preliminary", held_on="2999-01-01")) == (422, "interview_date")
    answer = await close("preliminary", cosigned_on="2999-01-01")
    assert problem(answer) == (422, "interview_date")


async def test_nothing_of_a_bilan_happens_before_it_starts(interview, close):
    assert problem(await interview("preliminary", held_on="2026-11-01")) == (422, "interview_date")
    answer = await close("preliminary", cosigned_on="2026-11-01")
    assert problem(answer) == (422, "interview_date")


# ---------------------------------------------------------------- the rules against a model


class Bench(RuleBasedStateMachine):
    """Takes steps at random and compares each answer with a model that counts on its fingers."""

    def __init__(self) -> None:
        super().__init__()
        self.closed = 0
        self.minutes = 0
        self.spoke = [0, 0, 0]

    def interview(
        self, phase: BilanPhase, minutes: int, *, individual: bool
    ) -> PhaseRefusal | None:
        raise NotImplementedError

    def closing(self, phase: BilanPhase, aims: list[Aim], *, cosigned: bool) -> PhaseRefusal | None:
        raise NotImplementedError

    def standing(self) -> list[PhaseStatus]:
        raise NotImplementedError

    planned = 300

    @rule(number=st.integers(0, 2), minutes=st.integers(1, 120), individual=st.booleans())
    def hold_an_interview(self, number, minutes, individual):
        expected = None
        if number != self.closed:
            expected = "phase_order"
        elif self.minutes + minutes > self.planned:
            expected = "hours_exceeded"
        assert self.interview(list(BilanPhase)[number], minutes, individual=individual) == expected
        if expected is None:
            self.minutes += minutes
            self.spoke[number] += individual

    @rule(
        number=st.integers(0, 2),
        choice=st.integers(0, 1),
        dropped=st.integers(0, 5),
        added=st.sampled_from([None, None, None, *Aim]),
        cosigned=st.booleans(),
    )
    def close_a_phase(self, number, choice, dropped, added, cosigned):
        phase = list(BilanPhase)[number]
        whole = sorted(AIMS[phase][min(choice, len(AIMS[phase]) - 1)])
        aims = [aim for index, aim in enumerate(whole) if index != dropped]
        if added is not None:
            aims = sorted({*aims, added})
        assume(aims)
        alternatives = [set(wanted) for wanted in AIMS[phase]]
        own = set().union(*alternatives)
        whole_enough = any(wanted <= set(aims) for wanted in alternatives) and set(aims) <= own
        expected = None
        if number != self.closed:
            expected = "phase_order"
        elif not whole_enough:
            expected = "phase_aims_missing"
        elif number == 0 and not cosigned:
            expected = "cosignature_needed"
        elif number == 2 and not self.spoke[2]:
            expected = "interview_needed"
        assert self.closing(phase, aims, cosigned=cosigned) == expected
        if expected is None:
            self.closed += 1

    @invariant()
    def the_phases_stand_in_order(self):
        expected = ["closed"] * self.closed + ["current", "waiting", "waiting"]
        assert self.standing() == expected[:3]


class OnTheRules(Bench):
    """The rules alone."""

    def __init__(self) -> None:
        super().__init__()
        self.course = Course(self.planned)

    def interview(self, phase, minutes, *, individual):
        refusal = interview_refusal(self.course, phase, minutes)
        if refusal is None:
            self.course = after_interview(self.course, phase, minutes, individual=individual)
        return refusal

    def closing(self, phase, aims, *, cosigned):
        refusal = closing_refusal(self.course, phase, aims, cosigned=cosigned)
        if refusal is None:
            self.course = after_closing(self.course, phase)
        return refusal

    def standing(self):
        return [self.course.status(phase) for phase in BilanPhase]


def _played(machine: Callable[[], Bench], examples: int, steps: int) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_no_order_of_steps_gets_around_the_rules():
    _played(OnTheRules, examples=150, steps=25)


@pytest.mark.full
def test_no_order_of_steps_gets_around_the_rules_at_length():
    _played(OnTheRules, examples=3000, steps=50)


def test_what_is_missing_names_the_nearest_way():
    assert missing_aims(BilanPhase.INVESTIGATION, [Aim.PROJECT_BUILT]) in (
        {Aim.PROJECT_VERIFIED},
        {Aim.ALTERNATIVES_DRAWN_UP},
    )
    for phase, wanted in itertools.chain.from_iterable(
        ((phase, one) for one in sets) for phase, sets in AIMS.items()
    ):
        assert missing_aims(phase, wanted) == set()


class _OverHttp(Bench):
    """The same over HTTP: a fresh bilan each time, the answers instead of the rules."""

    planned = 780
    centre = None
    loop = None
    plan = None

    def __init__(self) -> None:
        super().__init__()
        self.id = self._wait(self._opened())

    def _wait(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    async def _opened(self):
        made = await self.centre.made("/v1/bilans", self.plan)
        said = {"agreed_on": "2026-11-02", "method": "signed_document"}
        await self.centre.made(f"/v1/bilans/{made['id']}/agreement", said)
        return made["id"]

    def _asked(self, path, body):
        answer = self._wait(self.centre.call("POST", f"/v1/bilans/{self.id}/{path}", json=body))
        return None if answer.status_code == 201 else answer.json()["code"]

    def interview(self, phase, minutes, *, individual):
        said = {**INTERVIEW, "phase": phase, "minutes": minutes, "individual": individual}
        return self._asked("interviews", said)

    def closing(self, phase, aims, *, cosigned):
        said = {"aims": aims, "cosigned_on": "2026-11-03" if cosigned else None}
        return self._asked(f"phases/{phase}/closing", said)

    def standing(self):
        path = f"/v1/bilans/{self.id}/phases"
        told = self._wait(self.centre.call("GET", path)).json()
        return [item["status"] for item in told["items"]]


@pytest.fixture
def over_http(centre, bilan):
    async def play(examples, steps):
        plan = {
            "beneficiary": bilan.beneficiary,
            "counsellor": bilan.counsellor,
            "funding": "CPF",
            "planned_minutes": 780,
            "support_minutes": 780,
            "starts_on": "2026-11-02",
            "ends_on": "2027-01-29",
            "employer_siren": None,
        }
        members = {"centre": centre, "loop": asyncio.get_running_loop(), "plan": plan}
        machine = type("OverHttp", (_OverHttp,), members)
        await asyncio.to_thread(_played, machine, examples, steps)

    return play


async def test_over_http_the_answers_are_those_of_the_model(over_http):
    await over_http(examples=2, steps=12)


@pytest.mark.full
async def test_over_http_the_answers_are_those_of_the_model_at_length(over_http):
    await over_http(examples=40, steps=30)
