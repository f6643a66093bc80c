"""The verbs of consent, each with its subject: request, decide, end, draw a token, prove."""

from dataclasses import dataclass

from gateway.consents.deciding import Deciding
from gateway.consents.ending import Ending
from gateway.consents.receipts import Receipts
from gateway.consents.requesting import Requesting
from gateway.consents.standing import held
from gateway.consents.tokens import ConsentClaims, DrawnToken, Tokens

__all__ = ["ConsentClaims", "Consents", "DrawnToken", "held"]


@dataclass(frozen=True, slots=True)
class Consents(Requesting, Deciding, Ending, Tokens, Receipts):
    """The verbs of consent."""
