"""`python -m labour_market serve | migrate | openapi | import | bundle | match-… | gap`."""

import sys

from keel.commands import Service, main
from labour_market.app import create_app, document
from labour_market.doors import VERBS
from labour_market.settings import Settings

SERVICE = Service(
    package="labour_market",
    settings=Settings,
    create_app=create_app,
    document=document,
    verbs=VERBS,
)

if __name__ == "__main__":
    sys.exit(main(SERVICE))
