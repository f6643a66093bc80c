"""`python -m gateway work`: what the gateway does beside answering, as a process of its own."""

import argparse

from gateway.settings import Settings
from keel.commands import Verb, require_migrated, serve


def _work(_: argparse.Namespace) -> int:
    # Not at the top: wiring a gateway takes seconds that an operator's other verbs can save.
    from gateway.app import create_worker  # noqa: PLC0415

    settings = Settings.read()
    require_migrated("gateway", settings.database_url)
    serve(
        create_worker(settings),
        host=settings.host,
        port=settings.worker_port,
        metrics_port=settings.worker_metrics_port,
    )
    return 0


WORK = Verb("work", "sequence the log, send events, tidy up (GATEWAY_WORKER=apart)", _work)
