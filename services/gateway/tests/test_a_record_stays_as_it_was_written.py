"""What was recorded stays: the database refuses to rewrite or lose it, whoever asks (I-7, I-14).

By raw SQL, as the service's own login, without anything of the application in between.
"""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from gateway.records.rules import Fact, Kind
from keel.clock import utc_now

EMPTY = "UPDATE records SET sealed = NULL, beneficiary = NULL, bilan = NULL, consent = NULL, prev = NULL"


@pytest.fixture
def write(app, centre, bilan):
    """Write a record of the bilan's person, as if at another time; returns its id."""

    async def writing(at=None, **about):
        async with app.state.database.begin(centre.tenant) as session:
            record = await app.state.records.write(
                session,
                Fact(
                    Kind.AI_DISPATCH, centre.tenant, {"purpose_code": "analysis"},
                    beneficiary=bilan.beneficiary, bilan=bilan.id, prev="rec_before", **about,
                ),
            )  # fmt: skip
            if at is None:
                return record
            # Nothing lets a record be dated back: a copy is written down as if it had been then.
            await session.execute(
                text(
                    "INSERT INTO records (tenant, id, kind, occurred_at, sealed, beneficiary) "
                    "SELECT tenant, :copy, kind, :at, sealed, beneficiary FROM records "
                    "WHERE id = :id"
                ),
                {"copy": f"{record[:-3]}OLD", "at": round(at.timestamp() * 1e6), "id": record},
            )
            return f"{record[:-3]}OLD"

    return writing


@pytest.fixture
def run(app, centre):
    """Run one statement on one record, with the rights of the service."""

    async def running(statement, record):
        async with app.state.database.begin(centre.tenant) as session:
            done = await session.execute(text(f"{statement} WHERE id = :id"), {"id": record})
            return done.rowcount

    return running


CHANGES = (
    r"sealed = '\x00'",
    "kind = 'ai.result'",
    "occurred_at = occurred_at + 1",
    "id = 'rec_other'",
    "tenant = 'tnt_other'",
    "beneficiary = 'ben_other'",
    "bilan = 'bil_other'",
    "consent = 'cns_other'",
    "prev = 'rec_other'",
    "sealed = NULL",
    "prev = NULL",
    "beneficiary = NULL, bilan = NULL, consent = NULL, prev = NULL",
)


async def test_nothing_that_was_written_is_rewritten_or_emptied_in_part(run, write):
    record = await write()
    for change in CHANGES:
        with pytest.raises(DBAPIError, match=r"as it was written|permission denied"):
            await run("UPDATE records SET " + change, record)  # noqa: S608 - as above


async def test_a_record_is_placed_in_the_log_once(run, write):
    record = await write()
    assert await run("UPDATE records SET log_index = 7", record) == 1
    for again in ("8", "NULL"):
        with pytest.raises(DBAPIError):
            await run("UPDATE records SET log_index = " + again, record)  # noqa: S608 - 8 or NULL


async def test_it_may_be_emptied_whole_and_never_filled_again(run, write):
    record = await write()
    assert await run(EMPTY, record) == 1
    with pytest.raises(DBAPIError):
        await run("UPDATE records SET beneficiary = 'ben_other'", record)


def six_months_before(instant: datetime) -> datetime:
    """The same day six calendar months earlier; the last one of a shorter month."""
    years, month = divmod(instant.year * 12 + instant.month - 1 - 6, 12)
    for day in range(instant.day, 27, -1):
        try:
            return instant.replace(year=years, month=month + 1, day=day)
        except ValueError:
            continue
    return instant.replace(year=years, month=month + 1)


async def test_no_record_younger_than_six_calendar_months_is_deleted(run, write):
    now = utc_now()
    ages = [now, now - timedelta(days=100), now - timedelta(days=180)]
    for at in (*ages, six_months_before(now) + timedelta(days=1)):
        with pytest.raises(DBAPIError):
            await run("DELETE FROM records", await write(at))


async def test_on_postgresql_the_service_may_not_delete_even_an_old_one(app, run, write):
    record = await write(datetime(2020, 1, 1, tzinfo=UTC))
    if app.state.database.is_sqlite:  # no rights there: the trigger is all
        assert await run("DELETE FROM records", record) == 1
        return
    with pytest.raises(DBAPIError, match="permission denied"):
        await run("DELETE FROM records", record)


async def test_erasing_a_person_goes_through(app, centre, bilan, write):
    await write()
    async with app.state.database.begin(centre.tenant) as session:
        assert await app.state.records.erase(session, centre.tenant, bilan.beneficiary) >= 1


@pytest.mark.parametrize("migrated", ["postgresql"], indirect=True)
async def test_the_table_cannot_be_emptied_at_once(app, centre):
    async with app.state.database.begin(centre.tenant) as session:
        with pytest.raises(DBAPIError):
            await session.execute(text("TRUNCATE records"))
