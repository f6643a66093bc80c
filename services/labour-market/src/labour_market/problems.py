"""Every way the labour market can say no."""

from keel.problems import Problem


class UnknownOccupation(Problem):
    """The current releases have no occupation with this code."""

    code = "unknown_occupation"
    title = "This occupation is not in the current release"
    status = 404


class UnknownTerritory(Problem):
    """The geography of the current release does not know this territory."""

    code = "unknown_territory"
    title = "This territory is not known"
    status = 404


class SchemeUnavailable(Problem):
    """The taxonomy asked for has not been imported on this installation."""

    code = "scheme_unavailable"
    title = "This taxonomy is not imported here"
    status = 409
