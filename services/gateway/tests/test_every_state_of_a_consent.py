"""Every state of a consent and every step between two, against a model (profile section 2.1).

The model is written down a second time here, in its own words: a dictionary a consent, and what
each step does to it. Chance plays the steps; after each of them rows and model must agree.
"""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gateway.app import create_app
from gateway.consents import notice, store
from gateway.consents.rules import ConsentStatus as S
from gateway.consents.rules import Decision, row_refusal
from gateway.consents.service import held
from gateway.keyring import Keyring
from gateway.problems import (
    ConsentBinding,
    ConsentCannotBeLengthened,
    ConsentExpired,
    ConsentNotAuthorised,
    ConsentRevoked,
    ConsentState,
    NoticeChanged,
)
from gateway.settings import Settings
from gateway.tables import Bilan, Counsellor
from gateway.tenants.service import Caller
from keel.problems import NotFound

PURPOSES = ("analysis", "drafting", "exploration")
ENDED = frozenset(S) - {S.AWAITING, S.AUTHORISED}
REGISTRY = {
    "rcp_local-llm": {"legal_name": "Le centre", "route": "route.local", "jurisdictions": ["FR"]}
}
YES, NO = Decision.GRANTED, Decision.REFUSED
ANSWERS = st.fixed_dictionaries({p: st.sampled_from((YES, YES, NO)) for p in PURPOSES})
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@dataclass
class Platform:
    """The gateway's verbs of consent on a real database, with a clock of our own."""

    app: object
    runner: asyncio.Runner
    tenant: str
    client: str
    now: datetime = NOON

    @property
    def caller(self):
        return Caller(self.tenant, self.client, frozenset(), None)

    @property
    def consents(self):
        return replace(self.app.state.consents, now=lambda: self.now)

    def do(self, verb, *args, **named):
        """Play one verb in one transaction of its own."""

        async def play():
            async with self.app.state.database.begin(self.tenant) as session:
                return await verb(session, *args, **named)

        return self.runner.run(play())

    def person(self):
        made = self.do(self.app.state.people.add_beneficiary, self.tenant, None)
        bilan = SimpleNamespace(tenant=self.tenant, id="bil_" + made.id[4:], beneficiary=made.id)
        self.do(_write_bilan, bilan)
        return bilan

    def rows(self, person):
        return self.do(store.of_beneficiary, self.tenant, person.beneficiary)


async def _write_bilan(session, bilan):
    counsellor = "usr_" + bilan.id[4:]
    session.add(Counsellor(tenant=bilan.tenant, id=counsellor, created_at=NOON))
    await session.flush()
    session.add(
        Bilan(
            tenant=bilan.tenant,
            id=bilan.id,
            beneficiary=bilan.beneficiary,
            counsellor=counsellor,
            funding="CPF",
            planned_minutes=1440,
            support_minutes=840,
            starts_on="2026-11-02",
            ends_on="2027-01-29",
            status="open",
            created_at=NOON,
        )
    )


@dataclass
class Model:
    """What a consent must be by now."""

    status: S
    purposes: tuple[str, ...]
    asked_at: datetime
    validity: timedelta
    renewal_of: str | None
    sha: str
    epoch: int = 1
    said: dict[str, str] = field(default_factory=dict)
    ends: datetime | None = None

    def at(self, now):
        if self.status is S.AWAITING and now >= self.asked_at + timedelta(days=7):
            return S.LAPSED
        if self.status is S.AUTHORISED and now >= self.ends:
            return S.EXPIRED
        return self.status

    @property
    def granted(self):
        return {p for p, said in self.said.items() if said == "granted"}


def grants(purposes):
    return [
        {"purpose": p, "data_categories": ["cv"], "recipients": ["rcp_local-llm"],
         "jurisdictions": ["FR"], "explicit": False}
        for p in purposes
    ]  # fmt: skip


class ConsentStates(RuleBasedStateMachine):
    """Chance asks, answers, withdraws, waits; nothing may happen that the model does not say."""

    platform: Platform

    @initialize()
    def one_person(self):
        self.platform.now = NOON
        self.person = self.platform.person()
        self.model: dict[str, Model] = {}
        self.epochs: dict[str, int] = {}
        self.last: dict[str, tuple] = {}
        # Chance leaves some steps out of each story: what stands from the start is there for all.
        row = _authorise(self.platform, self.person)
        self.model[row.id] = Model(
            S.AUTHORISED,
            PURPOSES[:2],
            NOON,
            timedelta(days=30),
            None,
            row.notice_sha256,
            said=dict.fromkeys(PURPOSES[:2], "granted"),
            ends=NOON + timedelta(days=30),
        )

    def _play(self, verb, *args, refused=None, **named):
        """Play a verb; `refused` is the problem that the model expects, None when it works."""
        consents = self.platform.consents
        if refused is None:
            return self.platform.do(getattr(consents, verb), *args, **named)
        with pytest.raises(refused):
            self.platform.do(getattr(consents, verb), *args, **named)
        return None

    def _one(self, data, label="which"):
        """Draw a consent; those that stand come up more often, for most steps are theirs."""
        every = sorted(self.model)
        standing = [consent for consent in every if self._state(consent) is S.AUTHORISED]
        return data.draw(st.sampled_from(standing * 3 + every), label=label)

    def _state(self, consent):
        return self.model[consent].at(self.platform.now)

    @rule(
        purposes=st.sampled_from((PURPOSES, PURPOSES[:2], PURPOSES[1:], PURPOSES[:1])),
        days=st.sampled_from((1, 30, 182, 365)),
        data=st.data(),
    )
    def ask(self, purposes, days, data):
        renewed = data.draw(st.sampled_from([None, *sorted(self.model)]), label="renewal of")
        wrong = renewed is not None and self._state(renewed) not in {S.AUTHORISED, S.EXPIRED}
        asked = self._play(
            "request",
            self.platform.caller,
            self.person,
            grants(purposes),
            REGISTRY,
            validity=timedelta(days=days),
            renewal_of=renewed,
            refused=ConsentState if wrong else None,
        )
        if asked is not None:
            row, _ = asked
            self.model[row.id] = Model(
                S.AWAITING,
                tuple(purposes),
                self.platform.now,
                timedelta(days=days),
                renewed,
                row.notice_sha256,
            )

    @precondition(lambda self: self.model)
    @rule(answers=ANSWERS, shorter=st.sampled_from((None, 7, 400)), data=st.data())
    def answer(self, answers, shorter, data):
        consent = self._one(data)
        model, now = self.model[consent], self.platform.now
        length = None if shorter is None else timedelta(days=shorter)
        asked = self._state(consent) is S.AWAITING
        said = {p: answers[p] for p in model.purposes}
        self._play(
            "decide",
            self.platform.tenant,
            consent,
            said,
            model.sha,
            validity=length,
            refused=None if asked else ConsentState,
        )
        if asked:
            model.said = {p: str(d) for p, d in said.items()}
            if model.granted:
                model.status = S.AUTHORISED
                model.ends = now + min(filter(None, (model.validity, length)))
                self._gives_way_to(consent)
            else:
                model.status = S.REJECTED
                self._is_refused_by(consent)

    def _is_refused_by(self, newest):
        for consent, older in self.model.items():
            refused = older.granted & set(self.model[newest].purposes)
            if consent != newest and self._state(consent) is S.AUTHORISED and refused:
                older.said |= dict.fromkeys(refused, "withdrawn")
                older.epoch += 1
                older.status = S.AUTHORISED if older.granted else S.REVOKED

    def _gives_way_to(self, newest):
        newer = self.model[newest]
        for consent, older in self.model.items():
            if consent == newest or self._state(consent) is not S.AUTHORISED:
                continue
            whole = newer.renewal_of == consent
            gone = older.granted if whole else older.granted & set(newer.purposes)
            if gone:
                left = older.granted - gone
                older.said |= dict.fromkeys(gone, "superseded")
                older.epoch += 1
                older.status = S.AUTHORISED if left else S.SUPERSEDED

    @precondition(lambda self: self.model)
    @rule(answers=ANSWERS, data=st.data())
    def answer_another_notice(self, answers, data):
        consent = self._one(data)
        asked = self._state(consent) is S.AWAITING
        other = notice.digest("another text")
        refused = NoticeChanged if asked else ConsentState
        self._play("decide", self.platform.tenant, consent, answers, other, refused=refused)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data):
        consent = self._one(data)
        asked = self._state(consent) is S.AWAITING
        self._play("cancel", self.platform.caller, consent, refused=None if asked else ConsentState)
        if asked:
            self.model[consent].status = S.CANCELLED

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def withdraw(self, data):
        consent = self._one(data)
        stands = self._state(consent) is S.AUTHORISED
        self._play(
            "withdraw", self.platform.caller, consent, refused=None if stands else ConsentState
        )
        if stands:
            self._revoked(consent)

    def _revoked(self, consent):
        self.model[consent].status = S.REVOKED
        self.model[consent].epoch += 1

    @rule()
    def withdraw_everything(self):
        self._play("withdraw_all", self.platform.tenant, self.person.beneficiary)
        for consent in self.model:
            if self._state(consent) is S.AUTHORISED:
                self._revoked(consent)

    @precondition(lambda self: self.model)
    @rule(purpose=st.sampled_from(PURPOSES), data=st.data())
    def withdraw_one_purpose(self, purpose, data):
        consent = self._one(data)
        model = self.model[consent]
        refused = None
        if self._state(consent) is not S.AUTHORISED:
            refused = ConsentState
        elif purpose not in model.purposes:
            refused = NotFound
        elif purpose not in model.granted:
            refused = ConsentState
        self._play("narrow", self.platform.tenant, consent, purpose, refused=refused)
        if refused is None:
            model.said[purpose] = "withdrawn"
            if model.granted:
                model.epoch += 1
            else:
                self._revoked(consent)

    @precondition(lambda self: self.model)
    @rule(days=st.sampled_from((-1, 3, 40, 400)), data=st.data())
    def move_the_end(self, days, data):
        consent = self._one(data)
        model, end = self.model[consent], self.platform.now + timedelta(days=days)
        refused = None
        if self._state(consent) is not S.AUTHORISED:
            refused = ConsentState
        elif not self.platform.now < end <= model.ends:
            refused = ConsentCannotBeLengthened
        consents = self.platform.consents

        async def shorten(session):
            row = await consents.find_for_edit(session, self.platform.tenant, consent)
            await consents.shorten(session, row, end)

        if refused is None:
            self.platform.do(shorten)
            model.ends = end
        else:
            with pytest.raises(refused):
                self.platform.do(shorten)

    @rule()
    def stop_everything_that_runs(self):
        """A restriction, a closing, a suspension: tokens are stale, the state is the same."""
        self._play("raise_epochs", self.platform.tenant, beneficiary=self.person.beneficiary)
        # Whatever the clock ended and nobody saw yet is still written down as authorised.
        for row in self.platform.rows(self.person):
            if row.status == S.AUTHORISED:
                self.model[row.id].epoch += 1

    @rule(hours=st.sampled_from((1, 1, 1, 25, 25, 24 * 8, 24 * 100, 24 * 366)))
    def wait(self, hours):
        self.platform.now += timedelta(hours=hours)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def look(self, data):
        """Reading writes an end down that the clock brought; it changes nothing else."""
        consent = self._one(data)
        row = self._play("find", self.platform.tenant, consent)
        assert row.status == self._state(consent)

    @invariant()
    def rows_and_model_agree(self):
        rows = {row.id: row for row in self.platform.rows(self.person)}
        assert set(rows) == set(self.model)
        for consent, row in rows.items():
            model = self.model[consent]
            assert self.platform.consents.status_now(row) is self._state(consent)
            assert row.epoch == model.epoch
            assert {g["purpose"]: g.get("decision") for g in row.grants} == {
                p: model.said.get(p) for p in model.purposes
            }
            assert row.epoch >= self.epochs.get(consent, 1), "an epoch never goes back"
            self.epochs[consent] = row.epoch

    @invariant()
    def an_end_is_final(self):
        for row in self.platform.rows(self.person):
            if row.status in ENDED:
                now = (row.status, row.epoch, row.ended_at, row.end_reason, row.grants)
                assert self.last.setdefault(row.id, now) == now

    @invariant()
    def only_what_stands_permits(self):
        for row in self.platform.rows(self.person):
            refusal = row_refusal(held(row), epoch=row.epoch, at=self.platform.now)
            stands = self._state(row.id) is S.AUTHORISED
            assert (refusal is None) is stands
            try:
                self.platform.consents.draw_token(self.platform.caller, row)
                drawn = True
            except (ConsentRevoked, ConsentExpired, ConsentNotAuthorised):
                drawn = False
            assert drawn is stands

    @invariant()
    def no_purpose_is_granted_twice(self):
        standing = [m.granted for c, m in self.model.items() if self._state(c) is S.AUTHORISED]
        assert sum(map(len, standing)) == len(set().union(*standing))


@pytest.fixture
def platform(migrated, tmp_path):
    Keyring.create(tmp_path / "keys")
    app = create_app(
        Settings(
            database_url=migrated("gateway"),
            keys_dir=tmp_path / "keys",
            public_url="http://gateway",
        )
    )
    with asyncio.Runner() as runner:

        async def tenant():
            async with app.state.database.begin() as session:
                return await app.state.tenants.create(session, "Centre d’essai", None)

        made = runner.run(tenant())
        yield Platform(app, runner, made.tenant, made.client_id)
        runner.run(app.state.services.close())
        runner.run(app.state.database.close())


def _play(platform, examples, steps):
    class Played(ConsentStates):
        pass

    Played.platform = platform
    run_state_machine_as_test(
        Played,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            derandomize=examples < 50,
            phases=(Phase.generate,),  # to shrink a story costs minutes and says little more
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
def test_chance_finds_no_step_that_the_model_does_not_say(platform):
    _play(platform, examples=16, steps=24)


@pytest.mark.full
@pytest.mark.timeout(540)
def test_chance_finds_none_in_the_full_count_either(platform):
    _play(platform, examples=150 if platform.app.state.database.is_sqlite else 60, steps=30)


def _authorise(platform, person, days=30):
    consents = platform.consents
    row, _ = platform.do(
        consents.request,
        platform.caller,
        person,
        grants(PURPOSES[:2]),
        REGISTRY,
        validity=timedelta(days=days),
    )
    said = dict.fromkeys(PURPOSES[:2], YES)
    platform.do(consents.decide, platform.tenant, row.id, said, row.notice_sha256)
    return row


def _in_state(platform, person, state):
    """Bring a fresh consent, for two purposes, into a state by the steps that lead there."""
    consents, tenant = platform.consents, platform.tenant
    if state in {S.AUTHORISED, S.REVOKED, S.EXPIRED, S.SUPERSEDED}:
        row = _authorise(platform, person)
        if state is S.REVOKED:
            platform.do(consents.withdraw, platform.caller, row.id)
        if state is S.EXPIRED:
            platform.now += timedelta(days=30)
        if state is S.SUPERSEDED:
            _authorise(platform, person)
        return row
    row, _ = platform.do(consents.request, platform.caller, person, grants(PURPOSES[:2]), REGISTRY)
    if state is S.REJECTED:
        refused = dict.fromkeys(PURPOSES[:2], NO)
        platform.do(consents.decide, tenant, row.id, refused, row.notice_sha256)
    if state is S.CANCELLED:
        platform.do(consents.cancel, platform.caller, row.id)
    if state is S.LAPSED:
        platform.now += timedelta(days=7)
    return row


def _answer(decision):
    def play(platform, person, row):
        said = dict.fromkeys(PURPOSES[:2], decision)
        platform.do(platform.consents.decide, platform.tenant, row.id, said, row.notice_sha256)

    return play


def _narrow(*purposes):
    def play(platform, person, row):
        for purpose in purposes:
            platform.do(platform.consents.narrow, platform.tenant, row.id, purpose)

    return play


def _wait(platform, person, row):
    platform.now += timedelta(days=31)


STEPS = {
    "accepts": _answer(YES),
    "refuses all": _answer(NO),
    "cancels": lambda p, _, row: p.do(p.consents.cancel, p.caller, row.id),
    "withdraws": lambda p, _, row: p.do(p.consents.withdraw, p.caller, row.id),
    "withdraws one purpose": _narrow("analysis"),
    "withdraws each purpose": _narrow("analysis", "drafting"),
    "decides anew": lambda p, person, _: _authorise(p, person),
    "refuses anew": lambda p, person, _: _in_state(p, person, S.REJECTED),
    "waits": _wait,
}
ALLOWED = {
    (S.AWAITING, "accepts"): S.AUTHORISED,
    (S.AWAITING, "refuses all"): S.REJECTED,
    (S.AWAITING, "cancels"): S.CANCELLED,
    (S.AWAITING, "decides anew"): S.AWAITING,
    (S.AWAITING, "refuses anew"): S.AWAITING,
    (S.AWAITING, "waits"): S.LAPSED,
    (S.AUTHORISED, "withdraws"): S.REVOKED,
    (S.AUTHORISED, "withdraws one purpose"): S.AUTHORISED,
    (S.AUTHORISED, "withdraws each purpose"): S.REVOKED,
    (S.AUTHORISED, "decides anew"): S.SUPERSEDED,
    (S.AUTHORISED, "refuses anew"): S.REVOKED,
    (S.AUTHORISED, "waits"): S.EXPIRED,
    **{
        (ended, step): ended
        for ended in ENDED
        for step in ("decides anew", "refuses anew", "waits")
    },
}
"""The steps of section 2.1 and where they lead; whatever is not here is refused."""


def _outcome(platform, state, step):
    platform.now, person = NOON, platform.person()
    row = _in_state(platform, person, state)
    try:
        STEPS[step](platform, person, row)
    except ConsentState:
        return "refused", _status(platform, row)
    return "done", _status(platform, row)


def _status(platform, row):
    return platform.do(platform.consents.find, platform.tenant, row.id).status


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
def test_each_pair_of_a_state_and_a_step_is_allowed_or_refused_as_written(platform):
    unexpected = {}
    for state in S:
        for step in STEPS:
            to = ALLOWED.get((state, step))
            expected = ("refused", state) if to is None else ("done", to)
            found = _outcome(platform, state, step)
            if found != expected:
                unexpected[state, step] = found
    assert unexpected == {}


@pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)
def test_nobody_draws_a_token_for_another_client(platform):
    row = _authorise(platform, platform.person())
    other = replace(platform.caller, client="cli_01M83KMW6QAME8PPYWCFQZD326")
    fresh = platform.do(platform.consents.find, platform.tenant, row.id)
    with pytest.raises(ConsentBinding):
        platform.consents.draw_token(other, fresh)
