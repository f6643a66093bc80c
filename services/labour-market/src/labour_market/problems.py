"""Every way the labour market can say no."""

from keel.problems import Problem


class UnknownOccupation(Problem):
    """The current releases have no occupation with this code."""

    code = "unknown_occupation"
    title = "This occupation is not in the current release"
    status = 404


class UnknownTerritory(Problem):
    """The territory has no code of the documented form, or the geography does not know it."""

    code = "unknown_territory"
    title = "This territory is not known"
    status = 404


class SchemeUnavailable(Problem):
    """The taxonomy asked for has not been imported on this installation."""

    code = "scheme_unavailable"
    title = "This taxonomy is not imported here"
    status = 409


class BadCursor(Problem):
    """`after` is not a cursor that this service gave."""

    code = "bad_cursor"
    title = "This cursor was not given by this service"
    status = 422
