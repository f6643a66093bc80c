"""Restoration through HTTP: for the bilan of the pass only, also while the text still arrives."""

import asyncio
import json

from anonymizer.restoration.duplex import RestoredStream
from anonymizer.restoration.rules import Restorer
from keel.identifiers import new_id

TEXT = "Bonjour,\nMme Odile Perrichon (MME PERRICHON) habite à Limoges. Tél. 06 39 98 11 22.\n"


async def test_a_pseudonymised_text_comes_back_byte_for_byte(anonymizer):
    made = (await anonymizer.pseudonymise(TEXT, TEXT.upper())).json()
    texts = [text["text"] for text in made["texts"]]
    assert "Perrichon" not in texts[0]
    assert "PERRICHON" not in texts[0]
    restored = await anonymizer.restore({"nested": texts})
    assert restored == {"value": {"nested": [TEXT, TEXT.upper()]}, "unknown": []}


async def test_the_answer_says_whether_anybody_was_found(anonymizer):
    assert (await anonymizer.pseudonymise(TEXT)).json()["persons_found"] is True
    plain = await anonymizer.pseudonymise("Combien d'offres pour les soudeurs en Bretagne ?")
    assert plain.json()["persons_found"] is False
    assert plain.json()["texts"][0]["text"].endswith("en Bretagne ?")


async def test_without_a_bilan_nothing_is_stored(anonymizer):
    nobody = anonymizer.of(bilan=None)
    made = await nobody.pseudonymise(TEXT)
    assert made.status_code == 200, made.text
    assert made.json()["persons_found"] is True
    assert "Perrichon" not in made.json()["texts"][0]["text"]


async def test_another_bilan_gets_nothing_back(anonymizer):
    masked = (await anonymizer.pseudonymise(TEXT)).json()["texts"][0]["text"]
    for stranger in (
        anonymizer.of(bilan=new_id("bil")),
        anonymizer.of(tenant=new_id("tnt"), bilan=anonymizer.bilan),
    ):
        restored = await stranger.restore(masked)
        assert restored["value"] == masked
        assert "[PERSONNE_1]" in restored["unknown"]


async def test_offences_are_blocked(anonymizer):
    answer = await anonymizer.pseudonymise("Il sort de prison et porte un bracelet électronique.")
    assert (answer.status_code, answer.json()["code"]) == (422, "criminal_data_blocked")
    assert "prison" not in answer.text


async def test_a_special_statement_is_removed_for_good(anonymizer):
    made = (
        await anonymizer.pseudonymise("Elle a fait une dépression. Elle cherche un poste.")
    ).json()
    assert made["texts"][0]["text"] == "[mention retirée]. Elle cherche un poste."
    assert made["special_categories"] == [
        {"text_id": "0", "category": "health", "action": "removed"}
    ]


async def test_two_texts_at_once_never_share_a_number(anonymizer):
    names = ["Odile Perrichon", "Karim Belhassen", "Awa Diarra", "Louis Tanguy"]
    answers = await asyncio.gather(
        *(anonymizer.pseudonymise(f"Mme {name} arrive.") for name in names)
    )
    texts = [answer.json()["texts"][0]["text"] for answer in answers]
    assert len(set(texts)) == len(names)
    assert (await anonymizer.restore(texts))["value"] == [f"Mme {name} arrive." for name in names]


async def test_a_stream_answers_while_its_request_is_still_arriving(anonymizer):
    await anonymizer.pseudonymise("Mme Odile Perrichon arrive.")
    incoming: asyncio.Queue[dict] = asyncio.Queue()
    sent: asyncio.Queue[dict] = asyncio.Queue()
    headers = [
        (name.lower().encode(), value.encode())
        for name, value in anonymizer.headers("restore_stream").items()
    ]
    scope = {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.3"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": "/restorations/stream", "raw_path": b"/restorations/stream", "root_path": "",
        "query_string": b"context=text", "headers": headers, "client": None, "server": ("anonymizer", 80), "state": {},
    }  # fmt: skip
    task = asyncio.create_task(anonymizer.app(scope, incoming.get, sent.put))

    async def send(delta: str, *, more: bool = True) -> None:
        line = json.dumps({"delta": delta}).encode() + b"\n"
        await incoming.put({"type": "http.request", "body": line, "more_body": more})

    async def next_line() -> dict:
        message = await asyncio.wait_for(sent.get(), 5)
        return json.loads(message["body"])

    assert (await asyncio.wait_for(sent.get(), 5))["status"] == 200
    await send("Bonjour [PERS")
    assert await next_line() == {"delta": "Bonjour "}
    await send("ONNE_1], ")
    assert await next_line() == {"delta": "Odile Perrichon, "}
    await send("au revoir [PERSONNE_9]", more=False)
    assert await next_line() == {"delta": "au revoir [PERSONNE_9]"}
    assert await next_line() == {"unknown": ["[PERSONNE_9]"]}
    await asyncio.wait_for(task, 5)


async def test_a_line_that_is_no_json_ends_the_stream_with_a_reason(anonymizer):
    answer = await anonymizer.call(
        "restore_stream", "POST", "/restorations/stream", content=b"oops\n"
    )
    last = json.loads(answer.text.strip().splitlines()[-1])
    assert "problem" in last


async def test_destroying_a_bilan_leaves_nothing_to_restore(anonymizer):
    masked = (await anonymizer.pseudonymise(TEXT)).json()["texts"][0]["text"]
    await anonymizer.take_in(TEXT.encode())
    answer = await anonymizer.call("destroy_bilan", "DELETE", f"/bilans/{anonymizer.bilan}")
    assert answer.json()["documents"] == 1
    assert answer.json()["surrogates"] >= 3
    assert (await anonymizer.restore(masked))["value"] == masked


async def test_a_pass_for_one_bilan_destroys_no_other(anonymizer):
    answer = await anonymizer.call("destroy_bilan", "DELETE", f"/bilans/{new_id('bil')}")
    assert answer.status_code == 404


async def test_lines_may_be_cut_anywhere_on_the_way_also_inside_a_character():
    """The request's bytes arrive as the network cuts them: UTF-8 as it is, or escaped."""
    originals = {"PERSONNE_1": "Zoé Müller 👩‍🔧", "LIEU_2": "Guéret"}
    deltas = ["Né à [LI", "EU_2] 🙂, [", "FEMME_1", "] l’a dit : « été ».\n", "[Femme\u202f1] !"]
    told = "Né à Guéret 🙂, Zoé Müller 👩‍🔧 l’a dit : « été ».\nZoé Müller 👩‍🔧 !"
    for escaped in (True, False):
        lines = [json.dumps({"delta": delta}, ensure_ascii=escaped) for delta in deltas]
        body = "\n".join(lines).encode()
        for cut in range(len(body) + 1):
            assert await _restored_in_pieces(originals, body[:cut], body[cut:]) == told


async def _restored_in_pieces(originals, *pieces):
    left, sent = list(pieces), []

    async def receive():
        piece = left.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message):
        sent.append(message.get("body", b""))

    await RestoredStream(Restorer(originals))({}, receive, send)
    *lines, last = map(json.loads, b"".join(sent).splitlines())
    assert last == {"unknown": []}
    return "".join(line["delta"] for line in lines)
