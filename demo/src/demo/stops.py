"""Why the demo may stop: each reason is a class that says itself in plain words."""


class Stop(Exception):  # noqa: N818 - reasons read as what happened, like the platform's problems
    """The demo cannot go on; the message says why and what to do."""
