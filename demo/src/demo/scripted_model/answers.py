"""The three answers, made by rules from the data received; each says what it is."""

import json
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from demo.scripted_model import NOTICE
from demo.scripted_model.mangling import Mangler, some_surrogates
from demo.scripted_model.reading import Reading, read, sentences

_WORD = re.compile(r"[^\W\d_]{6,}")
_MONTHS_AND_SUCH = (
    "depuis pendant janvier février octobre novembre décembre juillet septembre environ toutes "
    "personne mention retirée organisation chaque plusieurs différents différentes"
)
_NO_THEMES = frozenset(_MONTHS_AND_SUCH.split())
_MOST_LEADS = 3
_MOST_PARAGRAPHS = 2
_SECTIONS = ("essentials", "circumstances", "path", "skills", "project", "next_steps")
_TRACES = (
    "Le texte nomme cette activité ; la personne peut dire comment elle s’y prenait.",
    "Un fait précis, à faire raconter : le contexte, ce qui a été fait, ce qui en est resté.",
    "Une tâche confiée à la personne, dont elle seule peut dire ce qu’elle lui a appris.",
)
_CHECKS = (
    "Qu’est-ce qui occupe une journée ordinaire dans ce métier ?",
    "Rencontrer une personne qui l’exerce et regarder avec elle un moment de son travail.",
    "Comment y est-on entré, et qu’est-ce qui a demandé le plus de temps à apprendre ?",
)


def answer(messages: Sequence[Mapping[str, object]]) -> str:
    """Return the text of an answer: JSON for a use case that it knows, a sentence otherwise."""
    reading = read(messages)
    write = _WRITERS.get(reading.use_case)
    if write is None:
        return f"{NOTICE} : ce programme répond par des règles, et à trois cas d’usage seulement."
    return json.dumps(write(reading), ensure_ascii=False, indent=1)


def _cv_analysis(reading: Reading) -> dict[str, object]:
    cv = reading.data.get("cv", "")
    found, mangler = sentences(cv), Mangler()
    return {
        "threads": [
            _presentation(cv, mangler),
            *_themes(found),
        ],
        "strengths": [
            *(
                {"text": text, "evidence": _quotes([quote])}
                for text, quote in zip(_TRACES, found, strict=False)
            ),
            {
                "text": f"{NOTICE} : une remarque laissée sans citation, pour que la plateforme "
                "la présente comme une hypothèse.",
                "evidence": [],
            },
        ],
        "open_questions": [
            "Qu’est-ce qui vous a donné envie de passer d’une étape à la suivante ?",
            "Racontez un moment de travail dont vous gardez un bon souvenir : que faisiez-vous ?",
            "Dans quelles situations vient-on vous demander de l’aide ?",
        ],
    }


def _presentation(cv: str, mangler: Mangler) -> dict[str, object]:
    """Say what this is, naming some surrogates, with a passage that holds one of them."""
    named = some_surrogates(cv)
    by_rules = f"{NOTICE} : ce texte est écrit par des règles"
    if not named:
        return {"text": f"{by_rules}, à partir de passages du CV.", "evidence": []}
    holding = [s for s in sentences(cv) if any(n in s for n in named)]
    text = f"{by_rules}, à partir du parcours où figurent {', '.join(named)}."
    return {"text": mangler.prose(text), "evidence": _quotes(holding[:1])}


def _themes(found: Sequence[str]) -> list[dict[str, object]]:
    """Return up to two words that come back in several passages, with these passages."""
    places: dict[str, list[str]] = defaultdict(list)
    for sentence in found:
        for word in dict.fromkeys(w.lower() for w in _WORD.findall(sentence)):
            places[word].append(sentence)
    themes = [(w, p) for w, p in places.items() if len(p) > 1 and w not in _NO_THEMES]
    themes.sort(key=lambda theme: -len(theme[1]))
    return [
        {
            "text": f"Le mot « {word} » revient à plusieurs moments du parcours : qu’est-ce qui "
            "s’y prolonge ?",
            "evidence": _quotes(passages[:3]),
        }
        for word, passages in themes[:2]
    ]


def _occupation_exploration(reading: Reading) -> dict[str, object]:
    cv = reading.data.get("cv", "")
    found, mangler = sentences(cv), Mangler()
    candidates = reading.entries("candidates")[:_MOST_LEADS]
    leads = [_lead(at, entry, found) for at, entry in enumerate(candidates)]
    if leads:
        leads[0]["reasons"] = [_presentation(cv, mangler), *_list(leads[0]["reasons"])]
    return {"leads": leads, "sort_criterion": reading.data.get("sort_criterion", "")[:300]}


def _lead(at: int, entry: Mapping[str, object], found: Sequence[str]) -> dict[str, object]:
    label = str(entry.get("label", ""))
    close = _closest(label + " " + json.dumps(entry, ensure_ascii=False), found, at)
    return {
        "code": entry.get("code", ""),
        "label": label,
        "reasons": [
            {
                "text": f"Ce passage du parcours peut se discuter au regard de « {label[:150]} ».",
                "evidence": _quotes(close),
            }
        ],
        "reservations": ["Le texte ne dit pas tout de ce que ce métier demande au quotidien."],
        "field_checks": [_CHECKS[at % len(_CHECKS)]],
    }


def _closest(about: str, found: Sequence[str], at: int) -> list[str]:
    """Return the passage that shares most words with `about`, or the one at `at`."""
    words = {w.lower() for w in _WORD.findall(about)}
    shared = {s: len(words & {w.lower() for w in _WORD.findall(s)}) for s in found}
    best = max(found, key=shared.__getitem__, default="")
    if best and shared[best]:
        return [best]
    return [found[at % len(found)]] if found else []


def _synthesis_draft(reading: Reading) -> dict[str, object]:
    texts: dict[str, list[str]] = defaultdict(list)
    for entry in reading.entries("materials"):
        texts[str(entry.get("key"))].append(str(entry.get("text", "")))
    mangler, written = Mangler(), []
    for key in (key for key in _SECTIONS if texts[key]):
        paragraphs = [_paragraph(text, mangler) for text in texts[key][:_MOST_PARAGRAPHS]]
        written.append({"key": key, "paragraphs": paragraphs})
    return {"sections": written}


def _paragraph(text: str, mangler: Mangler) -> dict[str, object]:
    found = sentences(text)[:3]
    told = " ".join(s if s.endswith((".", "!", "?")) else f"{s}." for s in found)
    return {
        "text": mangler.prose(f"{NOTICE}. Éléments repris tels quels : {told}"[:1200]),
        "evidence": _quotes(found),
    }


def _quotes(passages: Sequence[str]) -> list[dict[str, str]]:
    return [{"quote": passage} for passage in passages]


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


_WRITERS: Mapping[str, Callable[[Reading], dict[str, object]]] = {
    "cv-analysis": _cv_analysis,
    "occupation-exploration": _occupation_exploration,
    "synthesis-draft": _synthesis_draft,
}
