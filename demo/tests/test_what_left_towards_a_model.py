"""The wire copy is read byte for byte, and an identifier is found however it is written."""

import json

import pytest

from demo.wire import MANGLED, Sent, direct_identifiers, leaks, sent, texts_of


def entry(body, url="http://127.0.0.1:1/v1/chat/completions"):
    head = {"at": "2026-11-23T00:00:00+00:00", "deployment": "demo", "url": url, "bytes": len(body)}
    return json.dumps(head).encode() + b"\n" + body + b"\n"


def test_bodies_are_cut_by_their_length_not_by_lines(tmp_path):
    file = tmp_path / "wire-copy"
    bodies = [b'{"a": "un\ndeux"}', "é\n".encode(), b""]
    file.write_bytes(b"".join(map(entry, bodies)))
    assert [s.body for s in sent(file)] == bodies
    assert sent(file)[0] == Sent("http://127.0.0.1:1/v1/chat/completions", bodies[0])


def test_without_a_file_nothing_left(tmp_path):
    assert sent(tmp_path / "none") == []


@pytest.mark.parametrize(
    "body",
    [
        json.dumps({"m": [{"content": "Nom : Zoé Ménard, 44 ans"}]}).encode(),
        json.dumps({"m": "zoé  MÉNARD"}, ensure_ascii=False).encode(),
        json.dumps({"Zoé Ménard": 1}).encode(),
        json.dumps({"m": json.dumps({"inner": "Zoé Ménard"}, ensure_ascii=False)}).encode(),
        "pas du JSON : Zoé Ménard".encode(),
        json.dumps({"m": "Zoe\u0301 Me\u0301nard"}).encode(),
        json.dumps({"m": "Zoé\nMénard"}).encode(),
    ],
    ids=[
        "escaped",
        "other case",
        "as a name",
        "JSON in JSON",
        "no JSON",
        "decomposed",
        "over two lines",
    ],
)
def test_an_identifier_is_found_however_it_is_written(body):
    assert leaks(body, ["Zoé Ménard"]) == ["Zoé Ménard"]


def test_a_word_that_only_contains_it_is_no_leak():
    assert leaks(b'{"m": "Martineau et Cie"}', ["Martine"]) == []


def test_only_direct_identifiers_of_some_length_are_looked_for():
    restored = {
        "[PERSONNE_1]": "Ada Noir",
        "[PERSONNE_2]": "Mme",
        "[ORGANISATION_1]": "Mairie",
        "[NIR_1]": "282034418498769",
        "[AGE_1]": "44 ans",
    }
    assert direct_identifiers(restored) == ["Ada Noir", "282034418498769"]


@pytest.mark.parametrize("text", ["Personne 1", "[organisation 2]", "LIEU_3"])
def test_a_surrogate_that_a_model_misspelt_is_recognised(text):
    assert MANGLED.search(f"chez {text}.")


def test_texts_inside_any_json_are_gathered():
    assert texts_of({"a": ["b", {"c": "d"}], "n": 1}).split("\n") == ["a", "b", "c", "d", "n"]
