"""Policy before route: a pure function, deny by default.

The same rejection is asked again at the attempt, so that no order of calls reaches a deployment
that no plan would have offered.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from math import ceil

from llm_router.catalogue.rules import DataCategory, Sensitivity, UseCase
from llm_router.deployments.rules import (
    Capability,
    Closure,
    Deployment,
    Route,
    are_covered,
    closure,
)

# French text in common tokenizers: 3.3 to 4.2 characters a token; surrogates cost more. Low on
# purpose: a text that does not fit is cut by some upstreams without a word.
_CHARACTERS_PER_TOKEN = 3


class Rejection(StrEnum):
    """Why a deployment may not serve a request."""

    CLOSED_ROUTE = "closed_route"
    NOT_ALLOWED_RECIPIENT = "not_allowed_recipient"
    JURISDICTION = "jurisdiction"
    LOCAL_ONLY = "local_only"
    THIRD_COUNTRY = "third_country"
    CAPABILITY = "capability"
    CONTEXT_LENGTH = "context_length"
    NOT_ASSISTED = "not_assisted"


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent, and to whom it may go.

    `allowed_recipients` None means that nobody said anything: then only `route.local` is implied
    (use-case catalogue, section 1). `allowed_jurisdictions` None adds no limit of its own.
    """

    use_case: UseCase
    data_categories: frozenset[DataCategory]
    input_characters: int
    allowed_recipients: frozenset[str] | None = None
    allowed_jurisdictions: frozenset[str] | None = None
    dpf_accepted: bool = True


@dataclass(frozen=True, slots=True)
class Rejected:
    """One deployment that may not serve, and why; `closure` says more about a closed route."""

    deployment: Deployment
    reason: Rejection
    closure: Closure | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """The deployments that may serve, best first, and the others with reasons."""

    candidates: tuple[Deployment, ...]
    rejected: tuple[Rejected, ...]


def plan(
    request: Request, deployments: Iterable[Deployment], *, resting: Iterable[str] = ()
) -> Plan:
    """Order the deployments that may serve `request`: nearest route first, then as declared.

    `resting` names those whose breaker is open: still permitted, so they come last instead of
    turning an outage into a refusal.
    """
    candidates: list[Deployment] = []
    rejected: list[Rejected] = []
    for deployment in deployments:
        if (reason := rejection(request, deployment)) is None:
            candidates.append(deployment)
        else:
            why = closure(deployment, dpf_accepted=request.dpf_accepted)
            rejected.append(Rejected(deployment, reason, why))
    tired = set(resting)
    nearest = sorted(candidates, key=lambda d: (d.id in tired, list(Route).index(d.route)))
    return Plan(candidates=tuple(nearest), rejected=tuple(rejected))


def rejection(request: Request, deployment: Deployment) -> Rejection | None:
    """Say why `deployment` may not serve `request`; None when it may."""
    if closure(deployment, dpf_accepted=request.dpf_accepted) is not None:
        return Rejection.CLOSED_ROUTE
    return _not_permitted(request, deployment) or _not_able(request, deployment)


def _not_permitted(request: Request, deployment: Deployment) -> Rejection | None:
    route = deployment.route
    allowed = request.allowed_recipients
    if deployment.recipient.id not in allowed if allowed is not None else route is not Route.LOCAL:
        return Rejection.NOT_ALLOWED_RECIPIENT
    places = request.allowed_jurisdictions
    if places is not None and not are_covered(deployment.recipient.jurisdictions, places):
        return Rejection.JURISDICTION
    is_special = any(category.is_special for category in request.data_categories)
    if (request.use_case.local_only or is_special) and route is not Route.LOCAL:
        return Rejection.LOCAL_ONLY
    if request.use_case.sensitivity is Sensitivity.S3 and route is Route.TIERS:
        return Rejection.THIRD_COUNTRY
    return None


def _not_able(request: Request, deployment: Deployment) -> Rejection | None:
    assistance = request.use_case.assistance
    if assistance is None:
        return Rejection.NOT_ASSISTED
    if Capability.STREAM not in deployment.capabilities:
        return Rejection.CAPABILITY
    written = request.input_characters + assistance.prompt.characters
    needed = ceil(written / _CHARACTERS_PER_TOKEN) + assistance.prompt.parameters.max_output_tokens
    return Rejection.CONTEXT_LENGTH if needed > deployment.context_tokens else None
