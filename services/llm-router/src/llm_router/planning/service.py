"""The verb of planning."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from llm_router.catalogue.rules import DataCategory
from llm_router.catalogue.service import UseCases
from llm_router.deployments.service import Deployments
from llm_router.planning.rules import Plan, Request, plan


@dataclass(frozen=True, slots=True)
class Planning:
    """Says who may serve, before anybody is asked to."""

    use_cases: UseCases
    deployments: Deployments
    dpf_accepted: bool
    resting: Callable[[], Iterable[str]]

    def planned(
        self,
        *,
        use_case: str,
        data_categories: Iterable[DataCategory],
        input_characters: int,
        allowed_recipients: Iterable[str] | None,
        allowed_jurisdictions: Iterable[str] | None,
    ) -> Plan:
        """Return who may serve `use_case` for these data, in order, and who may not and why.

        Raises:
            UnknownUseCase: the catalogue has no such use case.
        """
        request = Request(
            use_case=self.use_cases.named(use_case),
            data_categories=frozenset(data_categories),
            input_characters=input_characters,
            allowed_recipients=None
            if allowed_recipients is None
            else frozenset(allowed_recipients),
            allowed_jurisdictions=(
                None if allowed_jurisdictions is None else frozenset(allowed_jurisdictions)
            ),
            dpf_accepted=self.dpf_accepted,
        )
        return plan(request, self.deployments.every(), resting=self.resting())
