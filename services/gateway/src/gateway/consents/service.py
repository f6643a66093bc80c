"""The verbs of consent, by subject: ask, decide, end, draw a token, prove, look ahead."""

from dataclasses import dataclass

from gateway.consents.attesting import Attesting
from gateway.consents.receipts import Receipts
from gateway.consents.requesting import Requesting
from gateway.consents.simulating import Simulating, Simulation
from gateway.consents.standing import held
from gateway.consents.tokens import ConsentClaims, DrawnToken

__all__ = ["ConsentClaims", "Consents", "DrawnToken", "Simulation", "held"]


@dataclass(frozen=True, slots=True)
class Consents(Requesting, Attesting, Receipts, Simulating):
    """The verbs of consent."""
