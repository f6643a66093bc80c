"""`python -m llm_router serve | openapi`, and `serve --config FILE --standalone`."""

import argparse
import sys
from pathlib import Path

from keel.commands import REFUSED, Service, main, serve
from keel.settings import SettingsRefused
from llm_router.app import create_app, document
from llm_router.deployments.declarations import deployments_of
from llm_router.settings import Settings
from llm_router.standalone.app import create_standalone
from llm_router.standalone.configuration import read_configuration

_SERVICE = Service(
    package="llm_router",
    settings=Settings,
    create_app=create_app,
    document=document,
    has_database=False,
)


def _standalone(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m llm_router serve")
    parser.add_argument("--standalone", action="store_true", required=True)
    parser.add_argument("--config", type=Path, required=True, metavar="FILE")
    given = parser.parse_args(arguments)
    try:
        configuration = read_configuration(given.config)
        app = create_standalone(deployments_of(configuration.deployments), configuration.keys)
        serve(app, host=configuration.host, port=configuration.port)
    except SettingsRefused as refusal:
        print(f"llm_router: {refusal}", file=sys.stderr)  # noqa: T201 - an operator reads it
        return REFUSED
    return 0


if __name__ == "__main__":
    verb, *rest = sys.argv[1:] or [""]
    sys.exit(_standalone(rest) if verb == "serve" and "--standalone" in rest else main(_SERVICE))
