"""Consent tokens: bounded, signed copies of what a row permits (profile section 3)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from gateway.consents.rules import Narrower, Refusal, narrowed, row_refusal
from gateway.consents.standing import Standing, held
from gateway.problems import (
    CategoryNotCovered,
    ConsentBinding,
    ConsentExpired,
    ConsentNotAuthorised,
    ConsentRevoked,
    ConsentTokenHasExpired,
    ConsentTokenInvalid,
    ConsentTokenTooLarge,
    JurisdictionNotCovered,
    PurposeNotCovered,
    RecipientNotCovered,
)
from gateway.tables import Consent
from gateway.tenants.possession import bound_to
from gateway.tenants.service import Caller
from keel.problems import Problem
from keel.tokens import (
    MAX_TOKEN_BYTES,
    TokenExpired,
    TokenRefused,
    is_text,
    new_jti,
    verify,
)

_TOKEN = "consent+jwt"  # noqa: S105 - the name of a token type
_DETAIL = "bct.processing/v1"
_MAX_LIFETIME = timedelta(seconds=600)
_SIDES = ("purpose", "data_categories", "recipients", "jurisdictions")
_HIGH_EPOCH = 10**6 - 1
"""More changes than a consent of twelve months will see; its digits count in a token's size."""
ALL = Narrower()
TOO_LARGE = (
    "Ask the beneficiary for fewer purposes, data categories or recipients in one consent, and for "
    "the others in a consent of their own."
)
_BY_ROW = {
    Refusal.REVOKED: ConsentRevoked,
    Refusal.EXPIRED: ConsentExpired,
    Refusal.NOT_AUTHORISED: ConsentNotAuthorised,
}
_BY_SIDE: Mapping[Refusal, type[Problem]] = {
    Refusal.PURPOSE: PurposeNotCovered,
    Refusal.CATEGORY: CategoryNotCovered,
    Refusal.RECIPIENT: RecipientNotCovered,
    Refusal.JURISDICTION: JurisdictionNotCovered,
}


@dataclass(frozen=True, slots=True)
class ConsentClaims:
    """A consent token that was read: what the person allowed, as of its epoch."""

    consent: str
    epoch: int
    beneficiary: str
    details: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class DrawnToken:
    """A consent token, and for how many seconds it really is one."""

    token: str = field(repr=False)
    expires_in: int


@dataclass(frozen=True, slots=True)
class Tokens(Standing):
    """The verbs of consent tokens."""

    def draw_token(self, caller: Caller, consent: Consent, to: Narrower = ALL) -> DrawnToken:
        """Return a consent token: a bounded, signed copy of what the row permits now, within `to`.

        Raises:
            ConsentBinding, ConsentRevoked, ConsentExpired, ConsentNotAuthorised.
            PurposeNotCovered, CategoryNotCovered, RecipientNotCovered, JurisdictionNotCovered: the
                caller asked for more than the consent holds.
            ConsentTokenTooLarge: what was agreed to does not fit into one token.
        """
        if consent.client != caller.client:
            raise ConsentBinding("The client that asked for the consent draws its tokens.")
        at = self.now()
        refusal = row_refusal(held(consent), epoch=consent.epoch, at=at)
        if refusal is not None:
            raise _BY_ROW[refusal]("Ask the beneficiary for a new consent.")
        issued = int(at.timestamp())
        ends = min(
            issued + int(self.token_lifetime.total_seconds()), int(consent.expires_at.timestamp())
        )
        if ends <= issued:  # its last second has begun
            raise ConsentExpired("Ask the beneficiary for a new consent.")
        claims = self._claims(caller, consent, _within(consent, to), issued, ends)
        token = self.keyring.consent.sign(_TOKEN, claims)
        if len(token) > MAX_TOKEN_BYTES:
            raise ConsentTokenTooLarge(TOO_LARGE)
        return DrawnToken(token, ends - issued)

    def largest_token(self, caller: Caller, consent: Consent) -> int:
        """Return the bytes of the longest token that the consent could ever need."""
        issued = int(self.now().timestamp())
        claims = self._claims(caller, consent, consent.grants, issued, issued)
        return len(self.keyring.consent.sign(_TOKEN, {**claims, "cep": _HIGH_EPOCH}))

    def _claims(
        self,
        caller: Caller,
        consent: Consent,
        grants: Sequence[Mapping[str, Any]],
        issued: int,
        ends: int,
    ) -> dict[str, Any]:
        bound = {} if caller.jkt is None else {"cnf": {"jkt": caller.jkt}}
        return {
            **bound,
            "iss": self.issuer,
            "aud": self.issuer,
            "sub": consent.beneficiary,
            "client_id": caller.client,
            "tenant": caller.tenant,
            "iat": issued,
            "nbf": issued,
            "exp": ends,
            "jti": new_jti(),
            "cid": consent.id,
            "cep": consent.epoch,
            "authorization_details": [
                {"type": _DETAIL, **{side: grant[side] for side in _SIDES}} for grant in grants
            ],
        }

    def read_token(self, token: str, caller: Caller) -> ConsentClaims:
        """Return what a consent token claims; the row decides later, under its lock.

        Raises:
            ConsentTokenHasExpired, ConsentTokenInvalid: as named.
            ConsentBinding: it was drawn by another client or tenant, or is bound to another key.
        """
        try:
            claims = self.claims(token)
        except TokenExpired:
            raise ConsentTokenHasExpired("Draw a new consent token.") from None
        except TokenRefused:
            raise ConsentTokenInvalid("Draw a new consent token.") from None
        if (claims["tenant"], claims["client_id"]) != (caller.tenant, caller.client):
            raise ConsentBinding("Use a consent token that this client drew.")
        if bound_to(claims) != caller.jkt:
            raise ConsentBinding("Use a consent token drawn with the key of the access token.")
        # That a client gave its own token up (RFC 7009) is settled when the request comes in, not
        # in the gate: there, only the person's row counts, and it is the only one that is read.
        if claims["jti"] in caller.given_up:
            raise ConsentTokenInvalid("This token was given up; draw a new one.")
        return ConsentClaims(
            consent=claims["cid"],
            epoch=claims["cep"],
            beneficiary=claims["sub"],
            details=tuple(claims["authorization_details"]),
        )

    def claims(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a consent token of ours, each of its type, whatever the row says.

        Raises:
            TokenExpired, TokenRefused: as named.
        """
        claims = verify(
            token,
            self.keyring.consent,
            typ=_TOKEN,
            issuer=self.issuer,
            audience=self.issuer,
            at=self.now(),
            lifetime=_MAX_LIFETIME,
        )
        texts = [claims.get(name) for name in ("sub", "client_id", "tenant", "cid", "jti")]
        details = claims.get("authorization_details")
        if not all(is_text(text) for text in texts) or type(claims.get("cep")) is not int:
            raise TokenRefused("claims")
        if not isinstance(details, list) or not all(_is_detail(detail) for detail in details):
            raise TokenRefused("claims")
        bound_to(claims)
        return claims


def _is_detail(detail: object) -> bool:
    """Say whether this is one of our authorization details (RFC 9396), each side of its type."""
    if not isinstance(detail, dict) or detail.get("type") != _DETAIL:
        return False
    lists = [detail.get(side) for side in _SIDES[1:]]
    return is_text(detail.get("purpose")) and all(
        isinstance(held, list) and all(is_text(one) for one in held) for held in lists
    )


def _within(consent: Consent, to: Narrower) -> list[dict[str, Any]]:
    """Return the grants that a token is drawn on; refuse more than the consent holds."""
    grants, beyond = narrowed(consent.grants, to)
    if beyond is not None:
        raise _BY_SIDE[beyond.refusal](
            "Ask for no more than the consent holds.", members={"missing": list(beyond.missing)}
        )
    if not grants:
        raise PurposeNotCovered("No purpose of the consent holds what is asked for together.")
    return grants
