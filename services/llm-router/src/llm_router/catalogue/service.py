"""The verbs of the catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from llm_router.catalogue.files import packaged_use_cases
from llm_router.catalogue.rules import UseCase
from llm_router.problems import UnknownUseCase


@dataclass(frozen=True, slots=True)
class UseCases:
    """What AI, or rules, may be asked for here."""

    by_id: Mapping[str, UseCase]

    @classmethod
    def packaged(cls) -> Self:
        """Read the catalogue of the package."""
        return cls(by_id=packaged_use_cases())

    def every(self) -> list[UseCase]:
        """Return all use cases in the order of the catalogue."""
        return list(self.by_id.values())

    def named(self, use_case_id: str) -> UseCase:
        """Return one use case.

        Raises:
            UnknownUseCase: the catalogue has no such use case.
        """
        try:
            return self.by_id[use_case_id]
        except KeyError:
            raise UnknownUseCase(
                "The catalogue has no such use case. GET /use-cases lists those it has."
            ) from None
