"""`python -m standalone.explanations`: write a page for each way that any service says no.

Title, status and meaning are those of the refusal's class; what to do is written beside the pages
(`gateway/explanations/what_to_do.toml`). Here, since only the one-process mode knows all services.
"""

import importlib
import json
import pkgutil
import sys
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from types import ModuleType
from typing import Any

import anonymizer
import gateway
import keel
import labour_market
import llm_router
import reports
from keel.problems import Problem, type_of

_PACKAGES = (keel, gateway, anonymizer, labour_market, llm_router, reports)
_LEFT_OUT = ("__main__", "migrations")
_TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class ExplanationMissing(Exception):  # noqa: N818 - read by whoever adds a refusal
    """A refusal has no page, or a page no refusal; the message says which."""


def _modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not set(found.name.split(".")) & set(_LEFT_OUT):
            yield importlib.import_module(found.name)


def _refusals(base: type[Problem]) -> Iterator[type[Problem]]:
    for refusal in base.__subclasses__():
        yield refusal
        yield from _refusals(refusal)


def refusals() -> dict[str, type[Problem]]:
    """Return the first refusal of each code, keel's own before the services'."""
    ours = tuple(package.__name__ for package in _PACKAGES)
    for package in _PACKAGES:
        for _ in _modules(package):
            pass
    known: dict[str, type[Problem]] = {Problem.code: Problem}
    for refusal in sorted(_refusals(Problem), key=lambda r: not r.__module__.startswith("keel.")):
        if refusal.__module__.partition(".")[0] in ours:
            known.setdefault(refusal.code, refusal)
    return dict(sorted(known.items()))


def explanations() -> dict[str, dict[str, Any]]:
    """Return what each page says, by the code with hyphens.

    Raises:
        ExplanationMissing: a code without a page, or a page without a code.
    """
    source = files("gateway.explanations").joinpath("what_to_do.toml")
    written: dict[str, str | dict[str, str]] = tomllib.loads(source.read_text("utf-8"))
    known = refusals()
    if set(written) != set(known):
        raise ExplanationMissing(
            f"what_to_do.toml lacks {sorted(set(known) - set(written))} and has "
            f"{sorted(set(written) - set(known))} too much; then run `make problems`."
        )
    return {
        code.replace("_", "-"): _explained(refusal, written[code])
        for code, refusal in known.items()
    }


def _explained(refusal: type[Problem], said: str | dict[str, str]) -> dict[str, Any]:
    said = said if isinstance(said, dict) else {"do": said}
    example = {
        "type": type_of(refusal.code),
        "title": refusal.title,
        "status": refusal.status,
        "detail": said["do"].partition(". ")[0].rstrip(".") + ".",
        "code": refusal.code,
        "trace_id": _TRACE,
    }
    meaning = " ".join((refusal.__doc__ or "").split("\n\n")[0].split())
    return {
        "code": refusal.code,
        "title": refusal.title,
        "status": refusal.status,
        "means": said.get("means", meaning),
        "do": said["do"],
        "example": example,
    }


def page(known: dict[str, Any]) -> str:
    """Return one page in Markdown."""
    example = json.dumps(known["example"], indent=2, ensure_ascii=False)
    return (
        f"# {known['title']}\n\n`{known['code']}`, HTTP {known['status']}\n\n"
        f"## What it means\n\n{known['means']}\n\n## What to do\n\n{known['do']}\n\n"
        f"## Example\n\n```json\n{example}\n```\n"
    )


def index(known: dict[str, dict[str, Any]]) -> str:
    """Return the list of all pages in Markdown."""
    lines = (
        f"| [`{page['code']}`]({name}.md) | {page['status']} | {page['title']} |"
        for name, page in known.items()
    )
    return (
        "# Problems\n\nEvery way in which the platform says no (RFC 9457); the gateway serves "
        "these pages under `/problems/`.\n\n| code | status | title |\n|---|---|---|\n"
        + "\n".join(lines)
        + "\n"
    )


def contents() -> dict[str, str]:
    """Return every generated file by its path from the root of the checkout."""
    known = explanations()
    data = json.dumps(known, indent=1, ensure_ascii=False) + "\n"
    return {
        "services/gateway/src/gateway/explanations/explanations.json": data,
        "docs/problems/README.md": index(known),
        **{f"docs/problems/{name}.md": page(said) for name, said in known.items()},
    }


def main(root: Path) -> None:
    """Write the files; pages of refusals that are gone are removed."""
    written = contents()
    folder = root / "docs/problems"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.md"):
        if f"docs/problems/{old.name}" not in written:
            old.unlink()
    for name, content in written.items():
        (root / name).write_text(content, "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
