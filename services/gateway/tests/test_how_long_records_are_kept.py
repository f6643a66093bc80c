"""A record says what it says for a year, never for less than six months; then it is emptied (I-14)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given as sampled
from hypothesis import strategies as st
from sqlalchemy import select, text

from gateway.holds.rules import HoldReason
from gateway.records.rules import Fact, Kind, Retention, erase_after, kept_since
from gateway.settings import RetentionReason, Settings
from gateway.tables import Beneficiary, Contestation, Record, Share
from keel.clock import utc_now
from keel.identifiers import new_id
from keel.sealing import seal

COUNTED = [Retention.SIX_MONTHS, Retention.TWELVE_MONTHS, Retention.THIRTY_SIX_MONTHS]
DAYS = st.dates(date(2026, 1, 1), date(2032, 12, 31))


@sampled(DAYS, DAYS, st.sampled_from(COUNTED))
def test_a_day_is_due_exactly_when_its_last_day_is_over(written, today, kept):
    at = datetime(written.year, written.month, written.day, 12, tzinfo=UTC)
    is_due = written < kept_since(today, kept)
    assert is_due is (erase_after(at, kept) < today)


def test_nothing_is_due_under_a_hold():
    assert kept_since(date(2026, 11, 23), Retention.LEGAL_HOLD) is None


@sampled(DAYS, st.sampled_from(COUNTED))
def test_the_shortest_class_is_six_calendar_months(today, kept):
    since = kept_since(today, kept)
    assert since <= kept_since(today, Retention.SIX_MONTHS)
    assert (today - since).days >= 181 - 1


def settings(tmp_path, **given):
    return Settings(database_url="sqlite+aiosqlite:///x", keys_dir=tmp_path, **given)


def test_longer_than_a_year_needs_a_reason_from_the_list(tmp_path):
    with pytest.raises(ValueError, match="RECORDS_KEPT_REASON"):
        settings(tmp_path, records_kept="control_36m")
    with pytest.raises(ValueError, match="records_kept_reason"):
        settings(tmp_path, records_kept="control_36m", records_kept_reason="to be safe")
    given = settings(
        tmp_path, records_kept="control_36m", records_kept_reason=RetentionReason.INTERNAL_CONTROL
    )
    assert given.records_kept is Retention.THIRTY_SIX_MONTHS
    assert settings(tmp_path).records_kept is Retention.TWELVE_MONTHS
    with pytest.raises(ValueError, match="tenant hold"):
        settings(tmp_path, records_kept="legal_hold")


@pytest.fixture
def written(app, centre, bilan):
    """Write a record about the bilan's person as the clock of that day would have; returns its id."""

    async def write(age, **about):
        records = replace(app.state.records, now=lambda: utc_now() - age)
        fact = Fact(Kind.OUTPUT_SHARED, centre.tenant, {"recipient_class": "cep"},
                    beneficiary=bilan.beneficiary, bilan=bilan.id, **about)  # fmt: skip
        async with app.state.database.begin(centre.tenant) as session:
            return await records.write(session, fact)

    return write


@pytest.fixture
def left(app, centre):
    """Say what the database still holds of a record."""

    async def look(record):
        async with app.state.database.begin(centre.tenant) as session:
            row = await session.get(Record, (centre.tenant, record))
            return [n for n in ("sealed", "beneficiary", "bilan") if getattr(row, n) is not None]

    return look


WHOLE = ["sealed", "beneficiary", "bilan"]
OLD, YOUNG = timedelta(days=400), timedelta(days=300)


async def test_what_is_older_is_emptied_and_what_is_younger_is_not(app, written, left):
    old, young = await written(OLD), await written(YOUNG)
    await app.state.ageing.run()
    assert (await left(old), await left(young)) == ([], WHOLE)


async def test_the_job_never_reaches_a_record_younger_than_six_months(app, written, left):
    young = await written(timedelta(days=178))
    for kept in COUNTED:
        ageing = replace(
            app.state.ageing,
            records=replace(app.state.records, kept=kept),
            now=lambda: utc_now() + timedelta(days=4000),  # ours may be wrong: theirs is asked too
        )
        await ageing.run()
        assert await left(young) == WHOLE


async def test_an_emptied_record_is_still_proved_as_erased(app, centre, written):
    record = await written(OLD)
    while await app.state.sequencer.step():
        pass
    before = (await centre.call("GET", f"/v1/records/{record}/receipt")).json()
    await app.state.ageing.run()
    after = (await centre.call("GET", f"/v1/records/{record}/receipt")).json()
    assert (after["leaf"], after["salt"], after["record"]) == (before["leaf"], None, None)
    assert after["proof"].startswith("c2sp.org/tlog-proof@v1\n")


async def test_a_hold_keeps_everything_until_it_is_lifted(app, centre, written, left):
    record = await written(OLD)
    async with app.state.database.begin(centre.tenant) as session:
        until = utc_now() + timedelta(days=30)
        hold = await app.state.holds.place(session, centre.tenant, HoldReason.LITIGATION, until)
    await app.state.ageing.run()
    assert await left(record) == WHOLE
    async with app.state.database.begin(centre.tenant) as session:
        assert (await app.state.ageing.last(session)).tenants_held == 1
        await app.state.holds.lift(session, centre.tenant, hold.id)
    await app.state.ageing.run()
    assert await left(record) == []


async def has_key(app, centre, bilan):
    async with app.state.database.begin(centre.tenant) as session:
        key = await app.state.records.keys.find(session, centre.tenant, bilan.beneficiary)
        row = await session.get(Beneficiary, (centre.tenant, bilan.beneficiary))
        return key is not None, row.reference is not None


async def close(app, centre, bilan):
    async with app.state.database.begin(centre.tenant) as session:
        await session.execute(
            text("UPDATE bilans SET status = 'closed' WHERE id = :id"), {"id": bilan.id}
        )


async def test_a_persons_key_dies_with_their_last_record(app, centre, bilan, written):
    await written(OLD)
    young = await written(YOUNG)
    await close(app, centre, bilan)
    await app.state.ageing.run()
    assert await has_key(app, centre, bilan) == (True, True)
    later = replace(app.state.ageing, records=replace(app.state.records, kept=Retention.SIX_MONTHS))
    await later.run()
    assert await has_key(app, centre, bilan) == (False, False)
    found = await centre.call("GET", "/v1/records?kind=subject.erased")
    (said,) = found.json()["items"]
    assert said["body"]["reason"] == "retention_ended"
    assert "beneficiary" not in said
    assert (await centre.call("GET", f"/v1/records/{young}")).status_code == 410


@pytest.mark.full
async def test_who_comes_back_is_served_and_what_the_old_key_sealed_is_gone(
    app, centre, bilan, written
):
    person, share, contested = bilan.beneficiary, new_id("shr"), new_id("ctn")
    record = await written(YOUNG)
    async with app.state.database.begin(centre.tenant) as session:
        key = await app.state.records.key_of(session, centre.tenant, person)
        at, common = utc_now() - YOUNG, {"tenant": centre.tenant, "bilan": bilan.id, "beneficiary": person}  # fmt: skip
        name, words = (seal(key, b"...", f"{centre.tenant}|{of}") for of in (share, contested))
        session.add(Contestation(**common, id=contested, contested=record, record=record, sealed=words, created_at=at))  # fmt: skip
        session.add(Share(
            **common, id=share, report=new_id("rep"), version=1, recipient="third_party",
            recipient_name=name, requested_on="2026-01-05", ends_at=at, status="ended",
            method="hosted_page", asked_at=at,
        ))  # fmt: skip
    await close(app, centre, bilan)
    short = replace(app.state.ageing, records=replace(app.state.records, kept=Retention.SIX_MONTHS))
    await short.run()
    assert await has_key(app, centre, bilan) == (False, False)
    await written(timedelta())  # a new key
    shown = await centre.call("GET", f"/v1/shares/{share}")
    assert shown.json().get("recipient") == {"kind": "third_party", "name": "…"}, shown.text
    async with app.state.database.begin(centre.tenant) as session:
        row = await session.get(Contestation, (centre.tenant, contested))
        assert await app.state.contestations.text(session, row) is None


async def test_while_a_bilan_is_open_the_key_lives(app, centre, bilan, written, left):
    record = await written(OLD)
    await app.state.ageing.run()
    assert await left(record) == []
    assert await has_key(app, centre, bilan) == (True, True)


async def test_while_a_consent_stands_the_key_lives(app, centre, bilan, given, written):
    await written(OLD)
    await close(app, centre, bilan)
    await app.state.ageing.run()
    assert await has_key(app, centre, bilan) == (True, True)


async def test_the_job_is_seen_to_run(app, centre, written):
    await written(OLD)
    async with app.state.database.begin(centre.tenant) as session:
        assert await app.state.ageing.overdue(session, centre.tenant) == 1
    await app.state.ageing.run()
    async with app.state.database.begin(centre.tenant) as session:
        last = await app.state.ageing.last(session)
        assert (last.emptied, last.tenants_held, last.tenants_failed) == (1, 0, 0)
        assert await app.state.ageing.overdue(session, centre.tenant) == 0


async def test_more_than_one_batch_is_emptied(app, centre, written, monkeypatch):
    monkeypatch.setattr("gateway.records.ageing._BATCH", 2)
    for _ in range(5):
        await written(OLD)
    await app.state.ageing.run()
    async with app.state.database.begin(centre.tenant) as session:
        full = select(Record.id).where(Record.kind == "output.shared", Record.sealed.is_not(None))
        assert (await session.scalars(full)).all() == []


async def test_what_was_emptied_is_not_closed_once_more(app, centre, bilan, written):
    """An emptied dispatch no longer shows which record closed it: recovery leaves it alone."""
    records = replace(app.state.records, now=lambda: utc_now() - OLD)
    about = {"beneficiary": bilan.beneficiary, "bilan": bilan.id}
    async with app.state.database.begin(centre.tenant) as session:
        sent = await records.write(session, Fact(Kind.AI_DISPATCH, centre.tenant, {}, **about))
        await records.write(session, Fact(Kind.AI_RESULT, centre.tenant, {}, prev=sent, **about))
    await app.state.ageing.run()
    assert await app.state.recovery.recover(alone=True) == 0
