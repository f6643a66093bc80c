"""Invented names read well, come back byte for byte, and are nobody else's to read."""

import re
import secrets

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anonymizer.detection.gazetteer import gazetteer
from anonymizer.restoration.grammar import MAX_FORM, TYPES
from anonymizer.restoration.plausible import Plausible, Plausibles, may_be_issued
from anonymizer.restoration.rules import Context, Restorer, restore
from anonymizer.surrogates import inventing
from anonymizer.surrogates.inventing import Held, Inventing, names
from anonymizer.surrogates.numbering import Numbering
from anonymizer.surrogates.rules import (
    Masked,
    Secret,
    SurrogateType,
    disguised,
    plan,
    without,
)
from keel.identifiers import new_id

PERSON, PLACE, PHONE = SurrogateType.PERSON, SurrogateType.LOCATION, SurrogateType.PHONE
TEXT = (
    "Mme Odile Perrichon (MME PERRICHON) habite à Limoges, 06 39 98 11 22. Odile est née à 40 ans."
)


class Space:
    """The surrogates of one person, held in memory."""

    def __init__(self, key=None):
        self.key = key or secrets.token_bytes(32)
        self.issued, self.values = {}, {}

    @property
    def plausibles(self):
        ordered = sorted(self.issued.items(), key=lambda i: (i[1].type, i[1].number, i[1].form))
        return Plausibles.of((self.values[s], s.value) for s, _ in ordered if s in self.values)

    @property
    def originals(self):
        return {surrogate.name: secret.value for secret, surrogate in self.issued.items()}

    def mask(self, text, masked):
        cut = without(plan(text, masked), self.plausibles)
        self.issued |= Numbering(self.issued).issue(cut.secrets)
        held = [Held(s, issued, self.values.get(s)) for s, issued in self.issued.items()]
        inventing = Inventing(self.key, held, [text])
        for secret in cut.secrets:
            made = self.values.get(secret) or inventing.invent(secret, self.issued[secret])
            if made is not None:
                self.values[secret] = made
        return disguised(cut, self.issued, self.values, self.plausibles)

    def invent(self, *written, kind=PERSON):
        self.issued |= Numbering(self.issued).issue(Secret(kind, each) for each in written)
        held = [Held(s, issued, self.values.get(s)) for s, issued in self.issued.items()]
        inventing = Inventing(self.key, held, [])
        for each in written:
            secret = Secret(kind, each)
            made = inventing.invent(secret, self.issued[secret])
            if made is not None:
                self.values[secret] = made
        return [
            str(self.values.get(Secret(kind, w), self.issued[Secret(kind, w)])) for w in written
        ]

    def restore(self, text):
        return restore(text, self.originals, self.plausibles)[0]


_WORDS = st.sampled_from(
    ["Odile", "ODILE", "Perrichon", "J.", " ", " ", "-", ".", "\n", "\\n", "Lyon", "LYON", "é", "e\u0301", "_",
     "[PERSONNE_1]", "06 39 98 11 22", "Camille", "Alix", "Sacha", "Castres", "castres", "🙂", "\u00a0", "\ud83d", "4",
     *names()["surname"][:3], names()["commune"][1], names()["coined"][0]]
)  # fmt: skip
_TEXTS = st.lists(_WORDS | st.text(max_size=2), max_size=12).map("".join)
_KINDS = st.sampled_from([kind.name for kind in SurrogateType] + ["PERSON", "LOCATION"] * 4)


@st.composite
def _masked(draw):
    text = draw(_TEXTS)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    return text, [Masked(a, b, draw(_KINDS)) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]


@given(st.lists(_masked(), min_size=1, max_size=3), st.binary(min_size=1, max_size=2))
@settings(max_examples=250, deadline=None)
def test_any_text_comes_back_byte_for_byte_at_once_and_once_more_was_masked(texts, key):
    space, made = Space(key), []
    for text, masked in texts:
        made.append(space.mask(text, masked))
        assert space.restore(made[-1]) == text
    del texts


_NAMED = [("PERSON", "Odile Perrichon"), ("PERSON", "Perrichon"), ("PERSON", "Karim Belhassen"),
          ("LOCATION", "Limoges"), ("PHONE", "06 11 22 33 44"), ("EMAIL", "o.p@free.fr"),
          ("ORGANISATION", "Garage Roux"), ("ADDRESS", "3 rue des Lilas 87000 Limoges")]  # fmt: skip


def _worn():
    space = Space(b"key")
    for kind, value in _NAMED:
        space.mask(value, [Masked(0, len(value), kind)])
    assert len(space.values) == len(_NAMED)
    return space


_SPACE = _worn()
_SAID = [str(value) for value in _SPACE.values.values()]
_REPLIES = st.lists(
    st.sampled_from(
        [*_SAID, *_SAID, *(s.upper() for s in _SAID), *(s.lower() for s in _SAID),
         *(s[:n] for s in _SAID for n in (1, 3, len(s) - 1)), *(w for s in _SAID for w in s.split()),
         "[FEMME_1]", "[PERSONNE_1b", "[PERS", "_", " ", " ", "-", ".", "'", "\\n", "\\u2019", "\n", "\u00a0", "\u0301", "é",
         "ſ", "K", "ı", "0"]
    ),
    max_size=9,
).map("".join)  # fmt: skip


@given(_REPLIES, st.sampled_from(list(Context)))
@settings(max_examples=200, deadline=None)
def test_a_stream_restores_to_the_same_text_wherever_it_is_cut(reply, context):
    known = _SPACE.plausibles

    def restored(*pieces):
        stream = Restorer(_SPACE.originals, context, known)
        return "".join([*map(stream.feed, pieces), stream.finish()])

    expected = restored(reply)
    assert restored(*reply) == expected
    for cut in range(len(reply) + 1):
        assert restored(reply[:cut], reply[cut:]) == expected


@given(_REPLIES)
@settings(max_examples=200, deadline=None)
def test_a_stream_holds_back_at_most_64_characters(reply):
    stream = Restorer({}, plausibles=_SPACE.plausibles)
    for character in reply:
        stream.feed(character)
        assert len(stream._held) <= MAX_FORM


def test_a_person_has_one_invented_name_in_every_way_of_writing_it():
    full, capitals, surname, loud, given_name, initial, turned = Space().invent(
        "Odile Perrichon", "Odile PERRICHON", "Perrichon", "PERRICHON", "Odile", "O. Perrichon", "PERRICHON Odile"
    )  # fmt: skip
    first, last = full.split()
    assert first in names()["feminine"]
    assert last in names()["surname"]
    assert (capitals, surname, loud) == (f"{first} {last.upper()}", last, last.upper())
    assert (given_name, initial) == (first, f"{first[0]}. {last}")
    assert turned == f"{last.upper()} {first}"


def test_what_no_invented_value_fits_keeps_its_placeholder():
    assert Space().invent("O. P.", "4") == ["[PERSONNE_1]", "[PERSONNE_2]"]
    for kind in SurrogateType:
        (shown,) = Space().invent("Limoges", kind=kind)
        placeholder = kind.name in {
            "NIR", "IBAN", "ID_DOC", "DRIVING_LICENCE", "PLATE", "URL", "FRANCE_TRAVAIL_ID", "DATE_OF_BIRTH", "AGE"
        }  # fmt: skip
        assert shown.startswith("[") is placeholder


@pytest.mark.parametrize(
    ("written", "shape"),
    [("06 11 22 33 44", r"06 39 98 \d\d \d\d"), ("0611223344", r"063998\d{4}"), ("01.42.11.22.33", r"01\.99\.00\.\d\d\.\d\d"),
     ("+33 6 11 22 33 44", r"\+33 6 39 98 \d\d \d\d")],
)  # fmt: skip
def test_a_telephone_is_one_that_is_kept_for_fiction(written, shape):
    (shown,) = Space().invent(written, kind=PHONE)
    assert re.fullmatch(shape, shown)


def test_an_address_of_mail_leads_to_nobody():
    (shown,) = Space().invent("odile@free.fr", kind=SurrogateType.EMAIL)
    assert re.fullmatch(r"[a-z]+\.[a-z]+@example\.(org|com|net)", shown)


def test_the_same_key_invents_the_same_and_another_something_else():
    written = ["Odile Perrichon", "Karim Belhassen", "Awa Diarra", "Louis Tanguy"]
    assert Space(b"a").invent(*written) == Space(b"a").invent(*written)
    assert Space(b"a").invent(*written) != Space(b"b").invent(*written)


def test_no_two_things_share_a_word_and_used_up_lists_leave_placeholders():
    space, said = Space(), []
    for n in range(70):
        said += space.invent(f"Marie Nom{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}")
    words = [word for name in said if not name.startswith("[") for word in name.split()]
    assert len(set(words)) == len(words) == 2 * len(names()["feminine"])
    assert said[-1] == "[FEMME_70]"


@given(st.sampled_from(names()["commune"]), st.binary(max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_value_that_the_text_mentions_is_not_taken(town, key):
    text = f"Limoges, {town.upper()}, " + ", ".join(names()["commune"][:100])
    made = Space(key).mask(text, [Masked(0, 7, "LOCATION")])
    taken = {town.lower(), *(name.lower() for name in names()["commune"][:100])}
    assert made.split(",")[0].lower() not in taken


def test_a_later_text_that_mentions_an_invented_value_is_masked_there():
    space = Space()
    (town,) = space.invent("Limoges", kind=PLACE)
    text = f"De Limoges à {town.upper()}."
    made = space.mask(text, [Masked(3, 10, "LOCATION")])
    assert made == f"De {town} à [IDENTIFIANT_1]."
    assert space.restore(made) == text


def _known():
    full = Plausible(
        "Camille Berthier", ("Camille", "Berthier"), (("Camille", "Odile"), ("Berthier", "Le Goff"))
    )
    return Plausibles.of([(full, "Odile Le Goff"), (Plausible("Castres", ("Castres",)), "Lyon")])  # fmt: skip


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("camille berthier arrive", "Odile Le Goff arrive"),
        ("CAMILLE BERTHIER", "Odile Le Goff"),
        ("Mme Berthier, dite Camille", "Mme Le Goff, dite Odile"),
        ("**Camille** _Berthier_", "**Odile** _Le Goff_"),
        ("l'Albigeois, d'Castres-Berthier", "l'Albigeois, d'Lyon-Le Goff"),
        ("Camilles Berthierville", "Camilles Berthierville"),
        ("Éric Berthiér xCastres", "Éric Berthiér xCastres"),
        ("[LIEU_1] et Castres", "Paris et Lyon"),
    ],
)
def test_whole_words_come_back_whatever_their_case(said, meant):
    assert restore(said, {"LIEU_1": "Paris"}, _known())[0] == meant


def test_after_an_escape_of_json_a_word_begins():
    stream = Restorer({}, Context.JSON, _known())
    restored = (
        stream.feed('{"a": "x\\nCamille d\\u2019Ca') + stream.feed('stres"}') + stream.finish()
    )
    assert restored == '{"a": "x\\nOdile d\\u2019Lyon"}'


def test_the_lists_hold_names_in_common_use_and_words_of_nobody():
    lists, listed = names(), gazetteer()
    every = [name for said in lists.values() for name in said]
    assert len({name.lower() for name in every}) == len(every)
    assert all(may_be_issued(name) and len(name) > 3 for name in every)
    assert not {name.upper() for name in every} & {
        w for words in TYPES.items() for w in (words[0], *words[1])
    }
    given_names = (*lists["feminine"], *lists["masculine"], *lists["either"])
    assert all(listed.is_first_name(name) for name in given_names)
    assert {name.lower() for name in lists["surname"]} <= listed.surnames
    assert all(listed.is_commune(name) for name in lists["commune"])
    assert not any(listed.is_listed(n.lower()) or listed.is_commune(n) for n in lists["coined"])  # fmt: skip


async def _restored(anonymizer, value):
    body = {"value": value, "plausible": True}
    answer = await anonymizer.call("restore", "POST", "/restorations", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]


async def _plausible(anonymizer, *texts):
    answer = await anonymizer.pseudonymise(*texts, surrogates="plausible")
    assert answer.status_code == 200, answer.text
    return [text["text"] for text in answer.json()["texts"]]


async def test_over_http_a_text_comes_back_also_beside_placeholders(anonymizer):
    (made,) = await _plausible(anonymizer, TEXT)
    assert "[" not in made.replace("[AGE_1]", "")
    assert not re.search("odile|perrichon|limoges", made, re.IGNORECASE)
    assert await _plausible(anonymizer, TEXT) == [made]
    masked = (await anonymizer.pseudonymise(TEXT)).json()["texts"][0]["text"]
    assert "[FEMME_1]" in masked
    assert await _restored(anonymizer, [made, masked + made]) == [TEXT, TEXT + TEXT]


async def test_nothing_plausible_is_restored_where_nobody_asks(anonymizer):
    (made,) = await _plausible(anonymizer, TEXT)
    assert (await anonymizer.restore(made))["value"] == made.replace("[AGE_1]", "40 ans")


async def test_a_stream_restores_them_over_http(anonymizer):
    (made,) = await _plausible(anonymizer, "Mme Odile Perrichon arrive.")
    lines = "".join(f'{{"delta": "{c}"}}\n' for c in made).encode()
    path = "/restorations/stream?plausible=true"
    answer = await anonymizer.call("restore_stream", "POST", path, content=lines)
    told = "".join(re.findall('"delta": "([^"]*)"', answer.text))
    assert told == "Mme Odile Perrichon arrive."


async def test_another_bilan_or_tenant_gets_nothing_back(anonymizer):
    (made,) = await _plausible(anonymizer, TEXT)
    for stranger in (
        anonymizer.of(bilan=new_id("bil")),
        anonymizer.of(tenant=new_id("tnt"), bilan=anonymizer.bilan),
    ):
        assert await _restored(stranger, made) == made
        (theirs,) = await _plausible(stranger, "Mme Awa Diarra habite à Guéret.")
        assert theirs not in made
        back = await _restored(stranger, made)
        assert not re.search("odile|perrichon|limoges", back, re.IGNORECASE)
        assert not re.search(
            "awa|diarra|guéret", await _restored(anonymizer, theirs), re.IGNORECASE
        )


async def test_documents_mention_no_invented_value_whenever_they_were_handed_in(
    anonymizer, monkeypatch
):
    # A commune in small letters is none to the detector: it stays in the text.
    monkeypatch.setattr(inventing, "names", lambda: {**names(), "commune": ("Castres", "Tarare")})
    await anonymizer.take_in("Il aime castres et le vélo.".encode())
    (made,) = await _plausible(anonymizer, "Elle habite à Limoges.")
    assert made == "Elle habite à Tarare."
    document = new_id("doc")
    await anonymizer.take_in("Il aime tarare et le vélo.".encode(), document)
    read = await anonymizer.call(
        "read_pseudonymised", "GET", f"/documents/{document}/pseudonymised"
    )
    assert read.status_code == 200, read.text
    text = read.json()["text"]
    assert await _restored(anonymizer, text) == "Il aime tarare et le vélo."


async def test_without_a_bilan_there_are_placeholders(anonymizer):
    (made,) = await _plausible(anonymizer.of(bilan=None), "Mme Odile Perrichon arrive.")
    assert made == "Mme [FEMME_1] arrive."
