"""However a model writes a surrogate, it stands for the same person, and never for another.

Replies are made by a seeded generator: French sentences in the layouts of real answers, each
surrogate mangled in one of the ways below. `pytest -s` prints the counts by way.
"""

import itertools
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from anonymizer.restoration.rules import Context, Restorer, restore, restore_value

SAMPLE, WHOLE = 2_000, 50_000
SEED = 20261123
AT_LEAST = 0.99

ORIGINALS = {
    "PERSONNE_1": "Odile Perrichon", "PERSONNE_1b": "Mᵐᵉ PERRICHON", "PERSONNE_2": "Karim Belhassen",
    "PERSONNE_11": "Awa Diarra", "PERSONNE_12": "Louis Tanguy", "PERSONNE_12c": "L. TANGUY",
    "LIEU_1": "Limoges", "LIEU_2": "Saint-Étienne", "LIEU_12": "Guéret",
    "ORGANISATION_1": "Menuiserie Valdor", "ORGANISATION_2": "Cabinet Ostrel",
    "TELEPHONE_1": "06 39 98 11 22", "TELEPHONE_12": "+33 6 39 98 55 44",
    "COURRIEL_1": "odile@example.org", "COURRIEL_2": "k.belhassen@example.org",
    "ADRESSE_1": "12 rue des Tilleuls", "AGE_1": "47 ans", "AGE_2": "31 ans",
}  # fmt: skip
# What a reader, and so a model, sees of a person: the gendered word.
SEEN = {"PERSONNE_1": "FEMME", "PERSONNE_1b": "FEMME", "PERSONNE_2": "HOMME", "PERSONNE_12": "HOMME",
        "PERSONNE_12c": "HOMME"}  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """A surrogate as a model saw it: `[word_number]`."""

    word: str
    number: str

    @property
    def name(self):
        return f"{self.word}_{self.number}"

    @property
    def digits(self):
        return self.number.rstrip("abc")

    @property
    def letter(self):
        return self.number[len(self.digits) :]


ENGLISH = {
    "PERSONNE": "PERSON", "FEMME": "WOMAN", "HOMME": "MAN", "LIEU": "LOCATION", "ADRESSE": "ADDRESS",
    "ORGANISATION": "ORGANIZATION", "TELEPHONE": "PHONE", "COURRIEL": "EMAIL", "AGE": "AGE",
}  # fmt: skip
OTHERWISE = {
    "PERSONNE": "INDIVIDUAL", "FEMME": "LADY", "HOMME": "GENTLEMAN", "LIEU": "CITY",
    "ORGANISATION": "ENTREPRISE", "TELEPHONE": "PHONE_NUMBER", "COURRIEL": "MAIL", "ADRESSE": "ADDRESS",
}  # fmt: skip
ACCENTED = {"TELEPHONE": "TÉLÉPHONE", "AGE": "ÂGE"}
PLURAL = {"LIEU": "LIEUX"}
DISTINCT = ("PERSONNE", "FEMME", "HOMME", "COURRIEL", "ORGANISATION")
"""Before a bare number, after a space or nothing, other words are ordinary French: "le lieu 3"."""


def _around(before: str, after: str | None = None) -> Callable[[Seen], str]:
    return lambda s: f"{before}{s.name}{before if after is None else after}"


def _separated(separator: str) -> Callable[[Seen], str]:
    return lambda s: f"[{s.word}{separator}{s.number}]"


def _bare(separator: str) -> Callable[[Seen], str]:
    return lambda s: (
        f"{s.word if s.word in DISTINCT else s.word + '_'}{separator}{s.number}".replace("_ ", "_")
    )


def _named(words: dict[str, str]) -> Callable[[Seen], str]:
    return lambda s: f"[{words.get(s.word, s.word)}_{s.number}]"


MANGLINGS: dict[str, Callable[[Seen], str]] = {
    "as it was": _around("[", "]"),
    "lower case": lambda s: f"[{s.name.lower()}]",
    "title case": lambda s: f"[{s.word.capitalize()}_{s.number}]",
    "number's letter in capitals": lambda s: f"[{s.name.upper()}]",
    "no brackets": lambda s: s.name,
    "no brackets, lower case": lambda s: s.name.lower(),
    "opening bracket only": _around("[", ""),
    "closing bracket only": _around("", "]"),
    "no brackets, a space": _bare(" "),
    "no brackets, capitalised, a space": lambda s: _bare(" ")(Seen(s.word, s.number)).capitalize(),
    "no brackets, nothing between": _bare(""),
    "Markdown: all escaped": lambda s: f"\\[{s.word}\\_{s.number}\\]",
    "Markdown: underscore escaped": _separated("\\_"),
    "Markdown: bare, escaped": lambda s: f"{s.word}\\_{s.number}",
    "Markdown: one bracket escaped": lambda s: f"\\[{s.name}]",
    "Markdown: twice escaped": lambda s: f"\\\\[{s.word}\\\\_{s.number}\\\\]",
    "bold around": _around("**[", "]**"),
    "bold inside": _around("[**", "**]"),
    "bold, no brackets": _around("**"),
    "italic around": _around("*[", "]*"),
    "italic, no brackets": _around("*"),
    "underscores around": _around("_[", "]_"),
    "underscores, no brackets": _around("_"),
    "two underscores, no brackets": _around("__"),
    "code": _around("`[", "]`"),
    "code, no brackets": _around("`"),
    "code inside": _around("[`", "`]"),
    "struck out": _around("~~[", "]~~"),
    "link": _around("[", "](#)"),
    "reference link": _around("[[", "]]"),
    "HTML: brackets as numbers": _around("&#91;", "&#93;"),
    "HTML: brackets as hex": _around("&#x5B;", "&#x5d;"),
    "HTML: brackets by name": _around("&lbrack;", "&rbrack;"),
    "HTML: underscore as entity": _separated("&#95;"),
    "HTML: angle brackets": _around("&lt;", "&gt;"),
    "HTML: strong": _around("<strong>[", "]</strong>"),
    "HTML: strong, no brackets": _around("<strong>", "</strong>"),
    "angle brackets": _around("<", ">"),
    "braces": _around("{", "}"),
    "double braces": _around("{{", "}}"),
    "parentheses": _around("(", ")"),
    "parentheses around brackets": _around("([", "])"),
    "full-width brackets": _around("［", "］"),
    "lenticular brackets": _around("【", "】"),
    "white square brackets": _around("⟦", "⟧"),
    "percent-encoded": _around("%5B", "%5D"),
    "spaces inside": _around("[ ", " ]"),
    "no-break spaces inside": _around("[\u00a0", "\u00a0]"),
    "space for underscore": _separated(" "),
    "no-break space for underscore": _separated("\u00a0"),
    "narrow no-break space for underscore": _separated("\u202f"),
    "space before underscore": _separated(" _"),
    "spaces around underscore": _separated(" _ "),
    "two underscores": _separated("__"),
    "hyphen": _separated("-"),
    "non-breaking hyphen": _separated("‑"),
    "en dash": _separated("–"),
    "en dash with spaces": _separated(" – "),
    "nothing between": _separated(""),
    "colon": _separated(":"),
    "number sign": _separated(" #"),
    "n°": _separated(" n° "),
    "full stop": _separated("."),
    "full-width underscore": _separated("＿"),
    "zero-width space": _separated("_\u200b"),
    "line break after the underscore": _separated("_\n"),
    "line break for the underscore": _separated("\n"),
    "CRLF after the underscore": _separated("_\r\n"),
    "bare, line break after the underscore": lambda s: f"{s.word}_\n{s.number}",
    "JSON: brackets escaped": _around("\\u005b", "\\u005d"),
    "JSON: underscore escaped": _separated("\\u005f"),
    "leading zero": lambda s: f"[{s.word}_0{s.number}]",
    "two leading zeros": lambda s: f"[{s.word}_00{s.number}]",
    "letter apart": lambda s: f"[{s.word}_{s.digits}{s.letter and ' ' + s.letter}]",
    "letter after an underscore": lambda s: f"[{s.word}_{s.digits}{s.letter and '_' + s.letter}]",
    "letter after a hyphen": lambda s: f"[{s.word}_{s.digits}{s.letter and '-' + s.letter}]",
    "plural": lambda s: f"[{PLURAL.get(s.word, s.word + 'S')}_{s.number}]",
    "plural, lower case": lambda s: f"[{PLURAL.get(s.word, s.word + 'S').lower()}_{s.number}]",
    "English": _named(ENGLISH),
    "English, title case": lambda s: f"[{ENGLISH[s.word].capitalize()} {s.number}]",
    "English, no brackets": lambda s: f"{ENGLISH[s.word]}_{s.number}",
    "another word for it": _named(OTHERWISE),
    "the plain word for a gendered one": _named({"FEMME": "PERSONNE", "HOMME": "PERSONNE"}),
    "accents": _named(ACCENTED),
    "accents apart": _named({"TELEPHONE": "TE\u0301LE\u0301PHONE", "AGE": "A\u0302GE"}),
    "curly quotes": _around("“[", "]”"),
    "guillemets": _around("«\u00a0[", "]\u00a0»"),
    "guillemets, no brackets": _around("« ", " »"),
    "straight quotes, no brackets": _around('"'),
    "single quotes, no brackets": _around("'"),
    "English possessive": _around("[", "]'s"),
    "English possessive, no brackets": _around("", "’s"),
    "elided before": _around("d'[", "]"),
    "elided before, no brackets": _around("d’", ""),
    "elided before, lower case, no brackets": lambda s: f"l'{s.name.lower()}",
    "comma inside": _around("[", ",]"),
    "full stop inside": _around("[", ".]"),
    "LaTeX": lambda s: f"\\textbf{{{s.word}\\_{s.number}}}",
}
SENTENCES = (
    "{} souhaite se reconvertir avec l'aide de {}.", "Compétences de {} : soudure, lecture de plans.",
    "## Synthèse pour {}\n\nVoici le bilan.", "- {} : disponible\n- {} : à rappeler\n",
    "| Nom | Lieu |\n|---|---|\n| {} | {} |\n", "1. Appeler {}\n2. Écrire à {}\n",
    "Selon {}, qui connaît bien {} (et {}), le projet tient.", "« Je fais confiance à {} », dit-elle.",
    "Contact\u00a0: {}\u202f; {}.", "Qu'en pense {}\u202f?", "> {} a répondu.\r\n> Puis {}.\r\n",
    "Le parcours de {}, né à {}, est riche 🙂.", "{}", "{}, {} et {} se connaissent.",
    "Employeur actuel : {}. Ancien employeur : {}.", "Merci {}! Bonne suite avec {}…",
)  # fmt: skip


@dataclass(frozen=True)
class Reply:
    """A mangled reply: the pieces between surrogates, which they were, and how each was mangled."""

    between: tuple[str, ...]
    names: tuple[str, ...]
    ways: tuple[str, ...]
    written: tuple[str, ...]

    @property
    def text(self):
        return "".join(a + b for a, b in zip(self.between, (*self.written, ""), strict=True))

    def outcomes(self, restored: str):
        """Say of each surrogate by its way: `right`, `wrong` (somebody else) or `left`."""
        for number, (name, way) in enumerate(zip(self.names, self.ways, strict=True)):
            restored = restored[len(self.between[number]) :]
            after = self.between[number + 1]
            is_last = number + 1 == len(self.names)
            end = len(restored) - len(after) if is_last else restored.find(after)
            here, restored = restored[:end], restored[end:]
            found = [said for said in ORIGINALS if ORIGINALS[said] in here]
            yield way, "right" if found == [name] else "wrong" if found else "left"


def _seen(name: str) -> Seen:
    word, number = name.split("_")
    return Seen(SEEN.get(name, word), number)


def replies(seed: int, surrogates: int):
    """Yield replies until so many surrogates were mangled."""
    chance, made = random.Random(seed), 0  # noqa: S311 - the same every time, on purpose
    ways, names = list(MANGLINGS), list(ORIGINALS)
    while made < surrogates:
        between = tuple(chance.choice(SENTENCES).split("{}"))
        number = len(between) - 1
        chosen, how = chance.choices(names, k=number), chance.choices(ways, k=number)
        written = [MANGLINGS[way](_seen(name)) for way, name in zip(how, chosen, strict=True)]
        made += number
        yield Reply(between, tuple(chosen), tuple(how), tuple(written))


def counted(surrogates: int) -> tuple[Counter, dict[str, Counter]]:
    total, ways = Counter(), {way: Counter() for way in MANGLINGS}
    for reply in replies(SEED, surrogates):
        for way, outcome in reply.outcomes(restore(reply.text, ORIGINALS)[0]):
            total[outcome] += 1
            ways[way][outcome] += 1
    return total, ways


def _holds(surrogates: int) -> None:
    total, ways = counted(surrogates)
    lost = {way: dict(found) for way, found in ways.items() if found.keys() != {"right"}}
    said = f"{dict(total)} in {len(MANGLINGS)} ways; not all right: {lost}"
    print(said)  # noqa: T201 - the figures, with `pytest -s`
    assert len(MANGLINGS) >= 30
    assert total["wrong"] == 0, said
    assert total["right"] >= AT_LEAST * total.total(), said


def test_a_sample_of_mangled_surrogates_comes_back_to_the_right_person():
    _holds(SAMPLE)


@pytest.mark.full
def test_fifty_thousand_mangled_surrogates_come_back_to_the_right_person():
    _holds(WHOLE)


def _whole(text: str, context: Context) -> str:
    stream = Restorer(ORIGINALS, context)
    return stream.feed(text) + stream.finish()


def _cut(text: str, context: Context, *at: int) -> str:
    stream, cuts = Restorer(ORIGINALS, context), (0, *at, len(text))
    pieces = (text[a:b] for a, b in itertools.pairwise(cuts))
    return "".join([*map(stream.feed, pieces), stream.finish()])


def _as_text(reply: Reply) -> str:
    return reply.text


def _as_json(reply: Reply) -> str:
    return json.dumps({"texte": reply.text}, ensure_ascii=False)


def _as_tool_arguments(reply: Reply) -> str:
    """Return the `arguments` of a tool call as their deltas give them, one after the other."""
    return json.dumps([{"note": reply.text}, 2], ensure_ascii=False, indent=1)


_STREAMS = [
    pytest.param(300, _as_text, Context.TEXT, id="text"),
    pytest.param(60, _as_json, Context.JSON, id="JSON"),
    pytest.param(60, _as_tool_arguments, Context.JSON, id="tool arguments"),
    pytest.param(300, _as_json, Context.JSON, id="all JSON", marks=pytest.mark.full),
    pytest.param(300, _as_tool_arguments, Context.JSON, id="all tool arguments", marks=pytest.mark.full),
]  # fmt: skip


@pytest.mark.parametrize(("number", "written", "context"), _STREAMS)
def test_streamed_is_not_streamed_wherever_a_reply_is_cut(number, written, context):
    replied = list(itertools.islice(replies(SEED + 1, WHOLE), number))
    cuts, differ = 0, 0
    for reply in replied:
        text = written(reply)
        expected = _whole(text, context)
        for at in range(1, len(text)):
            cuts, differ = cuts + 1, differ + (_cut(text, context, at) != expected)
        differ += _cut(text, context, *range(1, len(text))) != expected
    figures = f"{differ} of {cuts} cuts of {len(replied)} replies differ"
    print(figures)  # noqa: T201 - the figures, with `pytest -s`
    assert differ == 0, figures


@pytest.mark.parametrize("mode", ["streamed", "whole"])
def test_the_strings_of_a_json_answer_are_restored_and_it_stays_json(mode):
    total, lost = Counter(), Counter()
    for reply in replies(SEED + 2, SAMPLE):
        document = _as_json(reply)
        if mode == "streamed":
            value = json.loads(_whole(document, Context.JSON))
        else:
            value = restore_value(json.loads(document), ORIGINALS)[0]
        for way, outcome in reply.outcomes(value["texte"]):
            total[outcome] += 1
            lost[way] += outcome != "right"
    said = f"{dict(total)}; not right: {dict(+lost)}"
    print(said)  # noqa: T201 - the figures, with `pytest -s`
    assert total["wrong"] == 0, said
    assert total["right"] >= AT_LEAST * total.total(), said
