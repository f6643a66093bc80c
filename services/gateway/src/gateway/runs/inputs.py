"""What a run works on: pseudonymised text and earlier results, never raw text."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gateway.problems import InputNeeded
from gateway.runs.facts import Sources
from gateway.runs.rules import Request
from gateway.services import ANONYMIZER, LABOUR_MARKET, About, Services


@dataclass(slots=True)
class Inputs:
    """Fetches each input once, when it is first needed."""

    services: Services
    about: About
    request: Request
    earlier: Sequence[Mapping[str, Any]] = ()
    """Envelopes of earlier runs, in the order asked; each has `run`."""
    sources: Sources = field(default_factory=Sources)
    _fetched: dict[str, Any] = field(default_factory=dict)

    def document_id(self) -> str:
        """Return the document, or raise `InputNeeded`."""
        if self.request.document is None:
            raise InputNeeded("Give `document`: a document of this bilan.")
        return self.request.document

    def occupation(self) -> str:
        """Return the target occupation, or raise `InputNeeded`."""
        if self.request.occupation is None:
            raise InputNeeded("Give `occupation`: a ROME code, see GET /v1/occupations.")
        return self.request.occupation

    async def document(self) -> dict[str, Any]:
        """Return what is known of the document: counts and categories, no content."""
        found = await self._once("read_document", "")
        self.sources.document(found["data_categories"])
        return found

    async def text(self) -> str:
        """Return the pseudonymised text of the document; what it holds is noted."""
        await self.document()
        found = await self._once("read_pseudonymised", "/pseudonymised")
        self.sources.text(found)
        return str(found["text"])

    async def outline(self) -> dict[str, Any]:
        """Return the career outline over the pseudonymised text; what it holds is noted."""
        await self.document()
        return await self._once("read_outline", "/outline")

    async def _once(self, operation: str, suffix: str) -> dict[str, Any]:
        if operation not in self._fetched:
            path = f"/documents/{self.document_id()}{suffix}"
            self._fetched[operation] = await self.services.json(
                ANONYMIZER, operation, "GET", path, self.about
            )
        found: dict[str, Any] = self._fetched[operation]
        return found

    async def skills(self) -> list[dict[str, Any]]:
        """Return the skills found in the document, each with its span."""
        if "skills" not in self._fetched:
            answer = await self.market(
                "match_skills",
                "POST",
                "/skill-matches",
                json={"text": await self.text(), "scheme": "rome3"},
            )
            self._fetched["skills"] = answer["skills"]
        found: list[dict[str, Any]] = self._fetched["skills"]
        return found

    async def leads(self) -> dict[str, Any]:
        """Return the occupations that the document's titles and skills lead to."""
        if "leads" not in self._fetched:
            outline = await self.outline()
            titles = [e["title"] for e in outline["experiences"] if e.get("title")]
            codes = list(dict.fromkeys(skill["code"] for skill in await self.skills()))
            self._fetched["leads"] = await self.market(
                "match_occupations",
                "POST",
                "/occupation-matches",
                json={"titles": titles[:20], "skills": codes[:200], "limit": 8},
            )
        found: dict[str, Any] = self._fetched["leads"]
        return found

    async def market(self, operation: str, method: str, path: str, **content: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Ask the labour-market service, which stores nothing about a person."""
        found = await self.services.json(
            LABOUR_MARKET, operation, method, path, self.about, **content
        )
        self.sources.market(found)
        return found

    def of(self, use_case: str) -> list[Mapping[str, Any]]:
        """Return the earlier runs of one use case."""
        return [run for run in self.earlier if run["use_case"] == use_case]
