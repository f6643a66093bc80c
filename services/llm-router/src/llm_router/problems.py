"""Every way the router can say no before it has called anybody.

What goes wrong during an attempt is no problem document: it is the typed last line of the stream
(`llm_router.attempts.rules.FailureCode`).
"""

from keel.problems import Problem


class UnknownUseCase(Problem):
    """The catalogue has no such use case."""

    code = "unknown_use_case"
    title = "There is no such use case"
    status = 404


class UnknownDeployment(Problem):
    """No deployment of this name is configured."""

    code = "unknown_deployment"
    title = "There is no such deployment"
    status = 404


class NotAssisted(Problem):
    """The use case has no model's part: rules do it."""

    code = "not_assisted"
    title = "This use case is computed only"
    status = 409


class InvalidInputs(Problem):
    """The inputs are not those that the use case asks for."""

    code = "invalid_inputs"
    title = "The inputs are not those that the use case asks for"
    status = 422


class DeploymentNotAdmitted(Problem):
    """The pass is for another deployment, recipient or purpose."""

    code = "deployment_not_admitted"
    title = "The pass does not cover this attempt"
    status = 403


class RouteRefused(Problem):
    """The rules forbid this deployment for these data, whatever the pass says."""

    code = "route_refused"
    title = "This deployment may not have these data"
    status = 403
