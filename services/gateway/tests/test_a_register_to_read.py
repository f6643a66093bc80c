"""What was done with AI for a person is theirs as pages to read, and giving it is recorded."""

import httpx
import pytest

from gateway.records.rules import Fact, Kind
from reports.register.document import Register


@pytest.fixture
async def press(app, centre, bilan):
    """The reports service as a double that reads what it is given as the real one does."""
    printed = []

    def reports(request):
        if request.url.path != "/transparency-reports":
            return httpx.Response(404)
        printed.append(Register.model_validate_json(request.read()))
        return httpx.Response(200, content=b"%PDF", headers={"content-type": "application/pdf"})

    app.state.services.clients["reports"]._transport = httpx.MockTransport(reports)
    about = {"beneficiary": bilan.beneficiary, "bilan": bilan.id}
    async with app.state.database.begin(centre.tenant) as session:
        write = app.state.records.write
        sent = await write(session, Fact(Kind.AI_DISPATCH, centre.tenant, {}, **about))
        await write(session, Fact(Kind.AI_RESULT, centre.tenant, {}, prev=sent, **about))
        await write(session, Fact(Kind.RUN_COMPUTED, centre.tenant, {}, **about))
        await write(session, Fact(Kind.GATE_REFUSED, centre.tenant, {}, **about))
    return printed


async def test_a_counsellor_gets_it_for_the_person(centre, bilan, given, press):
    path = f"/v1/beneficiaries/{bilan.beneficiary}/transparency-report"
    answer = await centre.call("GET", path)
    assert (answer.status_code, answer.content) == (200, b"%PDF")
    (register,) = press
    assert register.beneficiary == bilan.beneficiary
    assert [len(use.lines) for use in (*register.uses, *register.computed)] == [7, 7]
    assert len(register.unused) == 1
    assert [c.text.partition(", ")[2][:28] for c in register.consents] == [
        "vous avez donné votre accord",
        "votre centre vous a demandé ",
    ]
    page = f"/v1/records?beneficiary={bilan.beneficiary}&kind=log.accessed"
    (read,) = (await centre.call("GET", page)).json()["items"]
    assert (read["body"]["query_class"], read["act"]) == ("export_register", bilan.counsellor)


async def test_the_same_is_told_as_values_for_who_shows_it_themselves(centre, bilan, given, press):
    person = f"/v1/beneficiaries/{bilan.beneficiary}"
    answer = await centre.call("GET", f"{person}/transparency")
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    told = answer.json()
    assert (told["person"], told["beneficiary"]) == ("dossier 12", bilan.beneficiary)
    assert told["log"]["size"] > 0
    await centre.call("GET", f"{person}/transparency-report")
    (register,) = press
    same = ("uses", "computed", "unused", "consents", "person", "centre")
    read = Register.model_validate(told)
    assert [getattr(read, name) for name in same] == [getattr(register, name) for name in same]
    page = await centre.call(
        "GET", f"/v1/records?beneficiary={bilan.beneficiary}&kind=log.accessed"
    )
    assert len(page.json()["items"]) == 2


async def test_the_person_gets_it_on_their_own_page(given, beneficiary, press):
    await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    offered = await beneficiary.get("/me/copy")
    assert 'action="/me/register"' in offered.text
    answer = await beneficiary.post("/me/register", {})
    assert (answer.headers["content-type"], answer.content) == ("application/pdf", b"%PDF")
    assert "releve-de-transparence.pdf" in answer.headers["content-disposition"]


async def test_nobody_else_does(centre, bilan, press):
    await centre.log_in()
    await centre.log_in(counsellor=await centre.new_counsellor())
    path = f"/v1/beneficiaries/{bilan.beneficiary}/transparency-report"
    refused = await centre.call("GET", path)
    assert (refused.status_code, refused.json()["code"]) == (403, "counsellor_needed")
    assert press == []


async def test_while_it_cannot_be_printed_the_page_says_so(app, given, beneficiary, press):
    def down(_):
        raise httpx.ConnectError("down")

    app.state.services.clients["reports"]._transport = httpx.MockTransport(down)
    await beneficiary.open(f"http://gateway{beneficiary.personal_secret}")
    answer = await beneficiary.post("/me/register", {})
    assert answer.status_code == 503
    assert "ne peut pas être fait" in answer.text
