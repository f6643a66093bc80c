"""The verbs of deployments."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from llm_router.deployments.declarations import read_deployments
from llm_router.deployments.rules import Deployment
from llm_router.problems import UnknownDeployment


@dataclass(frozen=True, slots=True)
class Deployments:
    """The models that this router may reach, in the operator's order."""

    by_id: Mapping[str, Deployment]

    @classmethod
    def declared_in(cls, file: Path | None) -> Self:
        """Read the operator's file; without one there is no model, and use cases are computed.

        Raises:
            DeploymentsRefused: the file is wrong.
        """
        return cls(by_id={d.id: d for d in read_deployments(file)} if file else {})

    def every(self) -> list[Deployment]:
        """Return all deployments in the operator's order."""
        return list(self.by_id.values())

    def named(self, deployment_id: str) -> Deployment:
        """Return one deployment.

        Raises:
            UnknownDeployment: none of this name is configured.
        """
        try:
            return self.by_id[deployment_id]
        except KeyError:
            raise UnknownDeployment(
                "Ask for a plan; its candidates are the deployments that there are."
            ) from None

    def by_recipient(self) -> dict[str, list[Deployment]]:
        """Return the deployments grouped by who receives the data."""
        groups: dict[str, list[Deployment]] = {}
        for deployment in self.by_id.values():
            groups.setdefault(deployment.recipient.id, []).append(deployment)
        return groups
