"""At its end a bilan's reports are destroyed, and what the person agreed to keep is kept."""

import asyncio
import hashlib
import json

import pytest
from sqlalchemy import text as sql

from keel.identifiers import new_id

TENANT, BILAN = "tnt_01K7ZC3M8T5R0Q9N4V2X6Y1D01", "bil_01K7ZC3M8T5R0Q9N4V2X6Y1D02"
AGREEMENT = "agr_01K7ZC3M8T5R0Q9N4V2X6Y1D03"
OWNED = ("content_keys", "reports", "revisions", "files", "acts", "kept_reports", "kept_files")


async def destroy(desk, **other):
    path = f"/bilans/{other.get('bilan', BILAN)}"
    return await desk.call("DELETE", path, "destroy_bilan", **other)


async def keep(desk, agreement=AGREEMENT, scope="synthesis"):
    body = {"agreement": agreement, "scope": scope}
    return await desk.call("POST", f"/bilans/{BILAN}/keeping", "keep_bilan", body)


async def destroy_kept(desk, agreement=AGREEMENT):
    return await desk.call("DELETE", f"/kept/{agreement}", "destroy_kept")


async def rows(desk):
    found = {}
    async with desk.app.state.database.begin(TENANT) as session:
        for table in OWNED:
            found[table] = await session.scalar(sql(f"select count(*) from {table}"))  # noqa: S608 - our own names
    return {table: number for table, number in found.items() if number}


async def signed(desk, draft_request, restore):
    report = await desk.draft(draft_request)
    reviewed = await desk.review_all(report["id"])
    answer = await desk.sign(report["id"], restore(reviewed))
    assert answer.status_code == 200, answer.text
    await desk.call("POST", f"/reports/{report['id']}/submission", "submit")
    said = {"text": "Je me reconnais dans ce document."}
    await desk.call("POST", f"/reports/{report['id']}/observations", "observe", said)
    return report["id"]


async def test_key_and_rows_are_gone_and_the_same_call_again_answers_the_same(desk, draft_request):
    report = (await desk.draft(draft_request))["id"]
    states = (await desk.review_all(report))["version_id"].rpartition(".")[2]
    first = await destroy(desk)
    assert first.json() == {"reports": 1, "versions": int(states), "files": 0}
    assert await rows(desk) == {}
    assert (await destroy(desk)).json() == first.json()
    gone = await desk.call("GET", f"/reports/{report}", "read_report")
    assert gone.status_code == 404


async def test_nothing_is_destroyed_under_a_pass_for_another_bilan(desk, draft_request):
    report = await desk.draft(draft_request)
    refused = await desk.call("DELETE", f"/bilans/{BILAN}", "destroy_bilan", bilan=new_id("bil"))
    assert refused.status_code == 404
    elsewhere = await destroy(desk, tenant=new_id("tnt"))
    assert elsewhere.json() == {"reports": 0, "versions": 0, "files": 0}
    assert (await desk.read(report["id"]))["id"] == report["id"]


async def test_a_destroyed_bilan_takes_no_new_report(desk, draft_request):
    await destroy(desk)
    refused = await desk.call("POST", "/reports", "create_report", draft_request)
    assert refused.status_code == 404
    assert await rows(desk) == {}


async def test_a_signature_that_is_rendered_meanwhile_comes_too_late(
    desk, draft_request, restore, monkeypatch
):
    reviewed = await desk.review_all((await desk.draft(draft_request))["id"])
    press = desk.app.state.press
    rendering, ended = asyncio.Event(), asyncio.Event()
    render = type(press).render

    async def slowly(self, report, formats):
        files = await render(self, report, formats)
        rendering.set()
        await ended.wait()
        return files

    monkeypatch.setattr(type(press), "render", slowly)
    signing = asyncio.create_task(desk.sign(reviewed["id"], restore(reviewed)))
    await rendering.wait()
    assert (await destroy(desk)).json()["reports"] == 1
    ended.set()
    assert (await signing).status_code == 404
    assert await rows(desk) == {}


async def test_whoever_writes_is_waited_for_and_destroyed_with_the_rest(desk):
    state = desk.app.state
    async with state.database.begin(TENANT) as session:
        assert await state.endings.hold_open(session, TENANT, BILAN)
        await state.keys.obtain(session, TENANT, BILAN)
        destroying = asyncio.create_task(destroy(desk))
        await asyncio.sleep(0.1)
        assert not destroying.done()
    assert (await destroying).status_code == 200
    assert await rows(desk) == {}


@pytest.mark.full
async def test_drafting_and_destroying_at_once_always_ends_destroyed(desk, draft_request):
    for number in range(100):
        bilan = new_id("bil")
        asked = {**draft_request, "report_id": new_id("rep")}
        drafting = asyncio.create_task(
            desk.call("POST", "/reports", "create_report", asked, bilan=bilan)
        )
        await asyncio.sleep(0.002 * (number % 10))
        ended, drafted = await asyncio.gather(destroy(desk, bilan=bilan), drafting)
        assert ended.status_code == 200
        assert drafted.status_code in {201, 404}
        assert await rows(desk) == {}


async def test_a_kept_synthesis_outlives_the_bilan_and_goes_with_its_agreement(
    desk, draft_request, restore
):
    report = await signed(desk, draft_request, restore)
    before = await desk.read(report)
    files = {kind: (await desk.file(report, kind)).content for kind in ("pdf", "json")}
    assert (await keep(desk)).json() == {"reports": 1, "versions": 1, "files": 4}
    assert (await destroy(desk)).json()["files"] == 4
    assert await rows(desk) == {"content_keys": 1, "kept_reports": 1, "kept_files": 4}

    kept = await desk.read(report)
    same = ("id", "status", "version_id", "digest", "signed_at", "observations", "files")
    assert {name: kept[name] for name in same} == {name: before[name] for name in same}
    assert "Carquefou" in json.dumps(kept, ensure_ascii=False)
    assert "[LIEU_1]" not in json.dumps(kept)
    for kind, content in files.items():
        assert (await desk.file(report, kind)).content == content
    listed = await desk.call("GET", f"/reports/{report}/files", "list_files")
    assert {f["sha256"] for f in listed.json()} >= {
        hashlib.sha256(content).hexdigest() for content in files.values()
    }
    assert (await keep(desk)).json() == {"reports": 1, "versions": 1, "files": 4}

    first = await destroy_kept(desk)
    assert first.json() == {"reports": 1, "versions": 1, "files": 4}
    assert await rows(desk) == {}
    assert (await destroy_kept(desk)).json() == first.json()
    assert (await desk.call("GET", f"/reports/{report}", "read_report")).status_code == 404
    assert (await desk.file(report, "pdf")).status_code == 404
    assert (await keep(desk)).status_code == 404


async def test_a_draft_is_not_kept(desk, draft_request):
    await desk.draft(draft_request)
    assert (await keep(desk)).json() == {"reports": 0, "versions": 0, "files": 0}
    await destroy(desk)
    assert await rows(desk) == {}
