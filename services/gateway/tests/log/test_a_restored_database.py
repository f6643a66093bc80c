"""A database that was put back to an earlier state begins a new log; the old one never goes on."""

import asyncio
import json
import multiprocessing
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from sqlalchemy import text

from gateway.log import rules, store
from gateway.log.copies import Copies, CopyFolder, CopyRefused, ObjectStore, read_note
from gateway.log.keys import LogKeyMissing, LogKeys, path_of, read_keys, replace_key
from gateway.log.service import LogDamaged, NewOrigin, Sequencer
from gateway.records.service import Records
from gateway.tables import RecordKey
from gateway.witnesses.remembering import Remembered
from gateway.witnesses.rules import Witness
from keel.database import Database
from keel.sealing import ContentKeys, KeyEncryptionKey

ORIGIN = "centre.example/log"


class Installation:
    """A database with its keys and its folder of copies; it can be put back."""

    def __init__(self, url, keys_dir, copies):
        self.url, self.keys_dir, self.copies = url, keys_dir, copies
        self.database = Database(url)

    def sequencer(self, *, copies=True, origin=ORIGIN, remote=None, now=None, witness=None):
        kek = KeyEncryptionKey.from_file(self.keys_dir / "gateway.kek")
        records, keys = Records(ContentKeys(kek, RecordKey)), LogKeys.open(self.keys_dir)
        return Sequencer(
            self.database,
            origin,
            keys,
            records.write_genesis,
            Copies(
                origin,
                CopyFolder(self.copies) if copies else None,
                remote,
                None if witness is None else Remembered(origin, keys, [witness], 0.5),
            ),
            **({} if now is None else {"now": now}),
        )

    async def grow(self, sequencer, count):
        async with self.database.begin() as session:
            for number in range(count):
                await store.enqueue(
                    session,
                    [
                        {
                            "tenant": "deployment",
                            "record": f"rec_{number}",
                            "kind": "r",
                            "commitment": bytes([number % 256]) * 32,
                        }
                    ],
                )
        while await sequencer.step():
            pass

    async def states(self):
        async with self.database.begin() as session:
            return await store.generations(session)

    async def genesis_of(self, generation):
        kek = KeyEncryptionKey.from_file(self.keys_dir / "gateway.kek")
        records = Records(ContentKeys(kek, RecordKey))
        async with self.database.begin("deployment") as session:
            row = await session.execute(
                text("SELECT id FROM records WHERE log_generation = :g AND log_index = 0"),
                {"g": generation},
            )
            record = await records.find(session, "deployment", row.scalar_one())
            return (await records.read(session, record))["body"]

    async def backup(self):
        """Put the whole state of the database aside; returns what puts it back."""
        await self.database.close()
        kept = self.copies.parent / "backup"
        if self.database.is_sqlite:
            path = self.url.partition(":///")[2]
            source, target = sqlite3.connect(path), sqlite3.connect(kept)
            source.backup(target)
            source.close()
            target.close()

            async def restore():
                await self.database.close()
                for end in ("-wal", "-shm"):
                    (self.copies.parent / (path.rpartition("/")[2] + end)).unlink(missing_ok=True)
                shutil.copy(kept, path)

        else:
            server, _, name = self.url.replace("passerelle_login@", "postgres@").rpartition("/")
            await _copied(server, name, f"{name}_kept")

            async def restore():
                await self.database.close()
                await _copied(server, f"{name}_kept", name)

        return restore


async def _copied(server, source, target):
    """Put a file-by-file copy of a database in the place of another."""
    connection = await asyncpg.connect(server.replace("+asyncpg", "") + "/postgres")
    try:
        await connection.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')
    finally:
        await connection.close()


@pytest.fixture
async def installation(gateway_url, keys_dir, tmp_path):
    made = Installation(gateway_url, keys_dir, tmp_path / "copies")
    yield made
    await made.database.close()


@pytest.fixture
async def grown(installation):
    """A log of 300, and what puts it back to 200."""
    sequencer = installation.sequencer()
    await sequencer.start()
    await installation.grow(sequencer, 199)
    restore = await installation.backup()
    await installation.grow(installation.sequencer(), 100)
    return restore


async def test_a_database_that_was_put_back_begins_a_log_of_its_own(installation, grown):
    published = (await installation.states())[0]
    assert published.size == 300
    await grown()
    await installation.sequencer().start()
    first, second = await installation.states()
    assert (first.origin, first.size) == (ORIGIN, 200)
    assert first.ended_at == second.begun_at
    assert (second.origin, second.size, second.ended_at) == (f"{ORIGIN}/2", 1, None)
    assert await installation.genesis_of(2) == {
        "origin": f"{ORIGIN}/2",
        "reason": "restored",
        "previous_origin": ORIGIN,
        "previous_size": 300,
        "previous_root": published.root.hex(),
        "held_origin": ORIGIN,
        "held_size": 200,
    } | (await installation.genesis_of(2))
    keys = read_keys(installation.keys_dir)
    assert keys[2][0].path.name == "log.2.pem"
    assert keys[2][0].origin == f"{ORIGIN}/2"
    assert rules.verifier_key(second.origin, keys[2][0].key) == second.keys[0]
    assert rules.public_bytes(keys[1][0].key) != rules.public_bytes(keys[2][0].key)


async def test_it_is_begun_once_and_goes_on(installation, grown):
    await grown()
    for _ in range(3):
        sequencer = installation.sequencer()
        await sequencer.start()
        await installation.grow(sequencer, 2)
    assert [(s.generation, s.size) for s in await installation.states()] == [(1, 200), (2, 7)]
    assert (installation.copies / "checkpoint").read_text().startswith(f"{ORIGIN}/2\n7\n")


async def test_what_was_waiting_in_the_backup_goes_into_the_new_log(installation):
    sequencer = installation.sequencer()
    await sequencer.start()
    async with installation.database.begin() as session:
        await store.enqueue(
            session,
            [{"tenant": "deployment", "record": "rec_w", "kind": "r", "commitment": b"w" * 32}],
        )
    restore = await installation.backup()
    await sequencer.step()
    await restore()
    again = installation.sequencer()
    await again.start()
    assert await again.step() == 1
    async with installation.database.begin() as session:
        leaves = await store.entries(session, 2, 0, 5)
    assert len(leaves) == 2
    assert b"d3d3" in leaves[1]  # 32 times w: the genesis came before what had waited longer


async def test_a_second_restore_skips_every_number_that_was_published(installation, grown):
    await grown()
    await installation.sequencer().start()
    await grown()
    await installation.sequencer().start()
    assert [s.origin for s in await installation.states()] == [ORIGIN, f"{ORIGIN}/3"]
    about = await installation.genesis_of(3)
    assert (about["previous_origin"], about["previous_size"]) == (f"{ORIGIN}/2", 1)


async def test_a_number_whose_key_has_signed_is_never_used_again(installation, grown):
    """Also where the copies were lost together with the database."""
    await grown()
    await installation.sequencer().start()
    await grown()
    shutil.rmtree(installation.copies)
    sequencer = installation.sequencer()
    await sequencer.start()
    await sequencer.begin_anew(NewOrigin.RESTORED)
    assert (await installation.states())[-1].origin == f"{ORIGIN}/3"


async def test_a_process_that_has_not_compared_compares_before_it_signs(installation, grown):
    await grown()
    fresh = installation.sequencer()
    await installation.grow(fresh, 1)
    assert [s.size for s in await installation.states()] == [200, 2]


async def test_a_database_that_is_put_back_under_a_running_process_is_noticed(installation, grown):
    sequencer = installation.sequencer(copies=False)
    await sequencer.start()
    await grown()
    await installation.grow(sequencer, 1)
    assert [s.size for s in await installation.states()] == [200, 2]


async def test_an_empty_database_beside_the_copies_of_a_log_begins_the_next(installation, keys_dir):
    """Once, also where several replicas start in the same moment."""
    (installation.copies).mkdir()
    old = rules.Checkpoint(ORIGIN, 812, b"r" * 32)
    (installation.copies / "checkpoint").write_text(old.sign(read_keys(keys_dir)[1][0].key))
    await asyncio.gather(*(installation.sequencer().start() for _ in range(3)))
    (begun,) = await installation.states()
    assert (begun.generation, begun.origin) == (2, f"{ORIGIN}/2")
    about = await installation.genesis_of(2)
    assert (about["previous_size"], about["previous_root"]) == (812, (b"r" * 32).hex())
    assert "held_size" not in about


async def test_where_no_key_can_be_made_the_start_says_what_to_do(installation, grown, monkeypatch):
    await grown()
    (installation.copies.parent / "given").mkdir()
    LogKeys.create(installation.copies.parent / "given")

    def read_only(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("gateway.log.keys.write_whole", read_only)
    with pytest.raises(LogKeyMissing, match=r"put an Ed25519 key there as log\.2\.pem"):
        await installation.sequencer().start()
    assert [s.ended_at for s in await installation.states()] == [None]
    shutil.copy(
        installation.copies.parent / "given" / "log.pem", installation.keys_dir / "log.2.pem"
    )
    await installation.sequencer().start()
    assert (await installation.states())[-1].origin == f"{ORIGIN}/2"


async def test_a_key_that_has_signed_one_log_is_refused_for_another(installation, grown):
    await grown()
    shutil.copy(installation.keys_dir / "log.pem", installation.keys_dir / "log.2.pem")
    with pytest.raises(LogKeyMissing, match="has signed another log"):
        await installation.sequencer().start()


class TestWhatAWitnessRemembers:
    """The copies are gone with the database, or there never were any: the witness still knows."""

    @pytest.fixture
    async def witness(self, installation, grown, witnessing):
        (published,) = await installation.states()
        await grown()
        shutil.rmtree(installation.copies)
        made = witnessing.Witness(ORIGIN, published.keys[0])
        made.note = published.checkpoint.encode() + made.cosign(b"x")
        with witnessing.Served(made) as served:
            yield served

    async def begun(self, installation, witness):
        asked = Witness.read(witness.url, witness.vkey)
        await installation.sequencer(witness=asked).start()
        return [(state.origin, state.size) for state in await installation.states()]

    async def test_is_reason_enough_to_begin_a_log_of_its_own(self, installation, witness):
        assert await self.begun(installation, witness) == [(ORIGIN, 200), (f"{ORIGIN}/2", 1)]
        assert (await installation.genesis_of(2))["previous_size"] == 300

    async def test_is_none_of_ours_without_our_signature(self, installation, witness):
        witness.note = witness.note.replace(b"\n300\n", b"\n301\n")
        assert await self.begun(installation, witness) == [(ORIGIN, 200)]

    @pytest.mark.parametrize("manners", ["keeps its note to itself", "has none", "is gone"])
    async def test_holds_up_no_start_when_it_does_not_say(
        self, installation, witness, manners, capsys
    ):
        witness.manners = manners
        if manners == "has none":
            witness.note = b""
        if manners == "is gone":
            witness.url = "http://127.0.0.1:9"
        assert await self.begun(installation, witness) == [(ORIGIN, 200)]
        said = capsys.readouterr()
        is_told = "witness_not_heard_at_start" in said.out + said.err
        assert is_told is (manners != "has none")


class TestAStateThatIsGone:
    @pytest.fixture(autouse=True)
    async def _gone(self, installation, grown):  # noqa: ARG002 - what there is to lose
        database = installation.database
        if database.is_sqlite:
            async with database.begin() as session:
                await session.execute(text("DROP TRIGGER log_state_no_delete"))
                await session.execute(text("DELETE FROM log_state"))
            return
        server = installation.url.replace("passerelle_login@", "postgres@").replace("+asyncpg", "")
        connection = await asyncpg.connect(server)
        await connection.execute("SET session_replication_role = replica; DELETE FROM log_state")
        await connection.close()

    @pytest.mark.parametrize("copies", [True, False])
    async def test_stops_the_start_with_one_sentence(self, installation, copies):
        with pytest.raises(LogDamaged, match=r"holds leaves of the log .* but no state of it"):
            await installation.sequencer(copies=copies).start()
        assert await installation.states() == []

    @pytest.mark.parametrize("copies", [True, False])
    async def test_the_operator_goes_on_with_a_new_origin(self, installation, copies):
        sequencer = installation.sequencer(copies=copies)
        await sequencer.begin_anew(NewOrigin.DAMAGED)
        await installation.sequencer().start()
        assert [state.origin for state in await installation.states()] == [f"{ORIGIN}/2"]
        about = await installation.genesis_of(2)
        assert (about["previous_origin"], about["previous_size"]) == (ORIGIN, 300)


class TestWhatTheDatabaseDoesNotGive:
    @pytest.mark.usefixtures("grown")
    async def test_another_root_of_one_size_stops_the_start(self, installation):
        key = read_keys(installation.keys_dir)[1][0].key
        other = rules.Checkpoint(ORIGIN, 300, b"x" * 32).sign(key)
        (installation.copies / "checkpoint").write_text(other)
        with pytest.raises(LogDamaged, match="another root"):
            await installation.sequencer().start()

    @pytest.mark.usefixtures("grown")
    async def test_an_earlier_root_that_the_tiles_do_not_give_stops_the_start(self, installation):
        key = read_keys(installation.keys_dir)[1][0].key
        other = rules.Checkpoint(ORIGIN, 123, b"x" * 32).sign(key)
        (installation.copies / "checkpoint").write_text(other)
        with pytest.raises(LogDamaged, match="for the size 123"):
            await installation.sequencer().start()

    @pytest.mark.usefixtures("grown")
    async def test_the_operator_goes_on_with_a_new_origin(self, installation):
        key = read_keys(installation.keys_dir)[1][0].key
        other = rules.Checkpoint(ORIGIN, 300, b"x" * 32).sign(key)
        (installation.copies / "checkpoint").write_text(other)
        await installation.sequencer().begin_anew(NewOrigin.DAMAGED)
        await installation.sequencer().start()
        assert (await installation.genesis_of(2))["reason"] == "damaged"

    @pytest.mark.usefixtures("grown")
    async def test_an_earlier_root_that_they_give_does_not(self, installation):
        lines = [
            json.loads(line)["note"]
            for day in installation.copies.glob("checkpoints-*.jsonl")
            for line in day.read_text().splitlines()
        ]
        assert [int(note.split("\n")[1]) for note in lines][:2] == [1, 200]
        for note in lines:
            (installation.copies / "checkpoint").write_text(note)
            await installation.sequencer().start()
        assert len(await installation.states()) == 1

    @pytest.mark.parametrize(
        ("note", "why"),
        [("", "holds no checkpoint"), ("x\n01\nAAAA\n\n", "holds no checkpoint"),
         (rules.Checkpoint("elsewhere.example/log", 3, b"r" * 32).text + "\n", "is not this log")],
        ids=["nothing", "no checkpoint", "another log's"],
    )  # fmt: skip
    async def test_a_copy_that_is_none_stops_the_start(self, installation, note, why):
        installation.copies.mkdir()
        (installation.copies / "checkpoint").write_text(note)
        with pytest.raises(CopyRefused, match=why):
            await installation.sequencer().start()


class TestTheCopies:
    async def test_each_committed_checkpoint_is_kept_and_the_newest_stands_alone(
        self, installation
    ):
        at = datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
        days = iter([at, at, at + timedelta(minutes=2)])
        folder = CopyFolder(installation.copies, lambda: next(days))
        folder.open()
        for size in (1, 2, 3):
            folder.put(_note(size), ORIGIN)
        assert folder.latest().startswith(f"{ORIGIN}\n3\n")
        kept = {path.name: path.read_text().count("\n") for path in installation.copies.glob("c*")}
        assert kept == {"checkpoint": 4, "checkpoints-2026-11-23.jsonl": 2,
                        "checkpoints-2026-11-24.jsonl": 1}  # fmt: skip

    async def test_the_newest_never_goes_back(self, installation):
        """Two processes commit one after the other, and come here in the other order."""
        folder = CopyFolder(installation.copies)
        folder.open()
        second = f"{ORIGIN}/2"
        for origin, size, stands in (
            (ORIGIN, 500, (ORIGIN, 500)),
            (ORIGIN, 400, (ORIGIN, 500)),
            (second, 1, (second, 1)),
            (ORIGIN, 900, (second, 1)),
            (second, 2, (second, 2)),
        ):
            folder.put(_note(size, origin), ORIGIN)
            held = rules.Checkpoint.read(folder.latest())
            assert (held.origin, held.size) == stands
        (day,) = installation.copies.glob("checkpoints-*.jsonl")
        assert day.read_text().count("\n") == 5

    async def test_however_many_processes_put_at_once_the_largest_stands(self, installation):
        CopyFolder(installation.copies).open()
        spawn = multiprocessing.get_context("fork")
        racing = [
            spawn.Process(target=_put_each, args=(installation.copies, range(first, 120, 4)))
            for first in range(4)
        ]
        for process in racing:
            process.start()
        for process in racing:
            process.join()
        assert [process.exitcode for process in racing] == [0] * 4
        assert CopyFolder(installation.copies).latest() == _note(119)

    async def test_what_is_no_checkpoint_of_this_log_is_not_written_over(self, installation):
        copies = Copies(ORIGIN, CopyFolder(installation.copies))
        copies.open()
        await copies.put(_note(1))
        (installation.copies / "checkpoint").write_text(_note(7, "elsewhere.example/log"))
        await copies.put(_note(2))
        assert copies.behind == {"folder"}
        assert copies.folder.latest() == _note(7, "elsewhere.example/log")

    async def test_the_store_s_newest_never_goes_back_either(self):
        store_ = _Store()
        remote = ObjectStore("https://store.example/c", None, httpx.MockTransport(store_.answer))
        for size, stands in ((5, 5), (4, 5), (6, 6)):
            await remote.put(_note(size), ORIGIN)
            assert store_.note == _note(stands)

    async def test_what_another_process_puts_meanwhile_is_not_written_over(self):
        store_ = _Store()
        remote = ObjectStore("https://store.example/c", None, httpx.MockTransport(store_.answer))
        await remote.put(_note(1), ORIGIN)
        store_.meanwhile = _note(9)
        with pytest.raises(httpx.HTTPStatusError):
            await remote.put(_note(8), ORIGIN)
        await remote.put(_note(8), ORIGIN)
        assert store_.note == _note(9)

    @pytest.mark.usefixtures("grown")
    async def test_a_folder_that_cannot_be_written_stops_no_log(self, installation):
        sequencer = installation.sequencer()
        await sequencer.start()
        shutil.rmtree(installation.copies)
        await installation.grow(sequencer, 1)
        assert sequencer.copies.behind == {"folder"}
        installation.copies.mkdir()
        await installation.grow(sequencer, 1)
        assert sequencer.copies.behind == set()

    async def test_a_store_that_hangs_or_fails_stops_no_log_and_gets_the_newest(self, installation):
        got, fails = [], [True]

        async def store_(request):
            if request.method == "GET":
                return httpx.Response(404)
            assert request.headers["authorization"] == "Bearer secret"
            if fails:
                fails.clear()
                return httpx.Response(503)
            got.append(request.content.decode())
            return httpx.Response(200)

        token = installation.keys_dir / "token"
        token.write_text("secret\n")
        remote = ObjectStore("https://store.example/checkpoint", token, httpx.MockTransport(store_))
        sequencer = installation.sequencer(copies=False, remote=remote)
        await sequencer.start()
        await installation.grow(sequencer, 3)
        assert sequencer.copies.behind == {"object_store"}
        with pytest.raises(httpx.HTTPStatusError):
            await sequencer.copies._send_newest()
        assert sequencer.copies.behind == {"object_store"}
        await sequencer.copies._send_newest()
        assert [note.split("\n")[1] for note in got] == ["4"]
        assert sequencer.copies.behind == set()

    async def test_the_store_too_tells_that_a_database_was_put_back(self, installation, grown):
        note = (installation.copies / "checkpoint").read_text()
        await grown()
        remote = ObjectStore(
            "https://store.example/checkpoint",
            None,
            httpx.MockTransport(lambda _: httpx.Response(200, text=note)),
        )
        await installation.sequencer(copies=False, remote=remote).start()
        assert len(await installation.states()) == 2

    async def test_a_store_that_does_not_answer_holds_up_no_start(self, installation):
        def refuse(_):
            raise httpx.ConnectTimeout("")

        remote = ObjectStore("https://store.example/c", None, httpx.MockTransport(refuse))
        await installation.sequencer(copies=False, remote=remote).start()
        assert len(await installation.states()) == 1


def _note(size, origin=ORIGIN):
    return rules.Checkpoint(origin, size, b"r" * 32).text + "\n"


def _put_each(folder, sizes):
    for size in sizes:
        CopyFolder(folder).put(_note(size), ORIGIN)


class _Store:
    """An object store that gives entity tags, and refuses what was asked for another one."""

    def __init__(self):
        self.note = None
        self.meanwhile = None

    def tag(self):
        return f'"{hash(self.note)}"'

    def answer(self, request):
        if request.method == "GET":
            if self.note is None:
                return httpx.Response(404)
            shown = httpx.Response(200, text=self.note, headers={"ETag": self.tag()})
            if self.meanwhile is not None:
                self.note, self.meanwhile = self.meanwhile, None
            return shown
        if request.headers.get("If-Match", self.tag()) != self.tag():
            return httpx.Response(412)
        self.note = request.content.decode()
        return httpx.Response(204)


class TestANewKey:
    async def test_signs_beside_the_old_one_for_thirty_days_and_then_alone(self, installation):
        at = datetime.now(UTC)
        clock = [at]
        sequencer = installation.sequencer(now=lambda: clock[0])
        await sequencer.start()
        old, new = replace_key(installation.keys_dir, 1, ORIGIN, at=at)
        sequencer.keys._watched.again()
        for later, signers in ((timedelta(), [new, old]), (timedelta(days=29, hours=23), [new, old]),
                               (timedelta(days=30, seconds=1), [new])):  # fmt: skip
            clock[0] = at + later
            await installation.grow(sequencer, 1)
            (state,) = await installation.states()
            ids = [number.hex() for _, number, _ in rules.signatures(state.checkpoint)]
            assert ids == signers
            assert [line.split("+")[1] for line in state.keys] == signers
        await installation.sequencer().start()

    async def test_is_picked_up_by_a_running_process(self, installation):
        sequencer = installation.sequencer()
        await sequencer.start()
        _, new = replace_key(installation.keys_dir, 1, ORIGIN, at=datetime.now(UTC))
        sequencer.keys._watched._looked_at -= 1  # half a second later
        await installation.grow(sequencer, 1)
        assert f"+{new}+" in (await installation.states())[0].keys[0]

    async def test_leaves_the_last_checkpoint_of_the_old_one_good_for_a_start(self, installation):
        await installation.sequencer().start()
        replace_key(installation.keys_dir, 1, ORIGIN, at=datetime.now(UTC))
        await installation.sequencer().start()

    async def test_says_in_its_file_since_when_and_for_what_it_signs(self, installation):
        at = datetime.now(UTC)
        replace_key(installation.keys_dir, 1, ORIGIN, at=at)
        current, old = read_keys(installation.keys_dir)[1]
        assert (current.origin, current.until) == (ORIGIN, None)
        assert abs(current.first_used_at - at) < timedelta(seconds=1)
        assert old.path == path_of(installation.keys_dir, 1, at + timedelta(days=30))


def test_an_origin_is_read_back_as_its_number():
    for generation in (1, 2, 17):
        assert rules.generation_of(ORIGIN, rules.origin_of(ORIGIN, generation)) == generation
    for other in (f"{ORIGIN}/1", f"{ORIGIN}/02", f"{ORIGIN}/x", f"{ORIGIN}2", "other/2", ""):
        assert rules.generation_of(ORIGIN, other) is None
    with pytest.raises(CopyRefused):
        read_note("x", ORIGIN, "here")
