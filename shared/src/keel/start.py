"""A start that is refused: one sentence for the operator instead of a stack trace."""


class StartRefused(Exception):  # noqa: N818 - read by an operator at start
    """The program cannot start or go on as it stands; the message says why and what to do."""
