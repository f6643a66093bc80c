"""Validated runs, said in plain sentences: what a synthesis is drafted from."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MOST = 60
_SHOWN = 8


def _listed(words: Sequence[str]) -> str:
    shown = [w for w in words if w][:_SHOWN]
    return ", ".join(shown)


def _period(entry: Mapping[str, Any]) -> str:
    if entry.get("current"):
        return f"depuis {entry.get('start')}"
    return f"de {entry.get('start')} à {entry.get('end')}"


def _employer(entry: Mapping[str, Any]) -> str:
    return str(entry.get("employer") or "employeur non précisé")


def _from_career(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    said = [
        ("path", f"{entry['title']}, {_employer(entry)}, {_period(entry)}.")
        for entry in result.get("experiences", [])
        if entry.get("title")
    ]
    said += [("path", thread["text"]) for thread in result.get("threads", [])]
    return said


def _from_skills(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    labels = _listed([skill["label"] for skill in result.get("skills", [])])
    return [("skills", f"Compétences relevées avec leur preuve : {labels}.")] if labels else []


def _from_leads(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    labels = _listed([lead["label"] for lead in result.get("leads", [])])
    return [("project", f"Pistes de métiers envisagées : {labels}.")] if labels else []


def _from_market(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [("project", result["reading"])] if result.get("reading") else []


def _from_gap(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    target = result["target"]["label"]
    by_state = {
        state: _listed([g["label"] for g in result["gaps"] if g["state"] == state])
        for state in ("held", "missing")
    }
    said = []
    if by_state["held"]:
        said.append(("essentials", f"Pour le métier {target}, sont acquis : {by_state['held']}."))
    if by_state["missing"]:
        said.append(
            ("next_steps", f"Pour le métier {target}, restent à acquérir : {by_state['missing']}.")
        )
    return said


def _from_trainings(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    titles = _listed([t["title"] for t in result.get("trainings", [])])
    return [("next_steps", f"Certifications repérées : {titles}.")] if titles else []


_SAY: Mapping[str, Callable[[Mapping[str, Any]], list[tuple[str, str]]]] = {
    "cv-analysis": _from_career,
    "skills-inventory": _from_skills,
    "occupation-exploration": _from_leads,
    "market-trends": _from_market,
    "skills-gap": _from_gap,
    "training-suggestions": _from_trainings,
}


def materials(runs: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return `{key, text, source}` for each thing that validated runs established."""
    said = [
        {"key": key, "text": text, "source": run["run"]}
        for run in runs
        if run["use_case"] in _SAY
        for key, text in _SAY[run["use_case"]](run["result"])
    ]
    return said[:_MOST]
