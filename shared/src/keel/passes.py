"""Passes: what lets one inside call in.

The gateway mints a short ES256 JWT (`typ: pass+jwt`) for one call to one service (`aud`) and one
operation (`op`, the operation id of the route). A service refuses any call without one, in
one-process mode too: a service reached by mistake gives nothing away, and a pass for one
operation cannot be replayed to another.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, Request

from keel.clock import utc_now
from keel.problems import Problem
from keel.settings import SettingsRefused
from keel.tokens import KeysInFile, Signer, TokenRefused, Verifier, new_jti, verify

ISSUER = "passerelle-gateway"
LIFETIME = timedelta(seconds=60)
_TYP = "pass+jwt"
_REMEMBERED = 100_000


class PassRefused(Problem):
    """No pass, or one for another service, operation or time."""

    code = "pass_refused"
    title = "This inside call has no valid pass"
    status = 401


@dataclass(frozen=True, slots=True)
class Pass:
    """What the gateway vouches for in one call."""

    audience: str
    operation: str
    tenant: str
    id: str
    beneficiary: str | None = None
    bilan: str | None = None
    client: str | None = None
    counsellor: str | None = None
    purpose: str | None = None
    data_categories: tuple[str, ...] = ()
    constraints: Mapping[str, Any] = field(default_factory=dict)
    record: str | None = None

    @property
    def subject_bilan(self) -> str:
        """The bilan, where the operation is about one; a pass without it is refused."""
        if self.bilan is None:
            raise PassRefused("This operation is about one bilan and its pass names none.")
        return self.bilan


_OPTIONAL = {
    "ben": "beneficiary",
    "bil": "bilan",
    "cli": "client",
    "act": "counsellor",
    "pur": "purpose",
    "rec": "record",
}


@dataclass(frozen=True, slots=True)
class PassMint:
    """Makes passes; only the gateway holds one."""

    key: Signer
    now: Callable[[], datetime] = utc_now

    def mint(
        self,
        audience: str,
        operation: str,
        *,
        tenant: str,
        data_categories: tuple[str, ...] = (),
        constraints: Mapping[str, Any] | None = None,
        **named: str | None,
    ) -> str:
        """Return a pass for one call, good for 60 s to start it.

        `named` are `beneficiary`, `bilan`, `client`, `counsellor`, `purpose` and `record`.
        """
        issued = int(self.now().timestamp())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": audience,
            "op": operation,
            "tnt": tenant,
            "iat": issued,
            "nbf": issued,
            "exp": issued + int(LIFETIME.total_seconds()),
            "jti": new_jti(),
            "cat": list(data_categories),
            "con": dict(constraints or {}),
        }
        for claim, name in _OPTIONAL.items():
            if (value := named.pop(name, None)) is not None:
                claims[claim] = value
        if named:
            raise TypeError(f"a pass knows nothing of {', '.join(named)}")
        return self.key.sign(_TYP, claims)


class Admission:
    """Lets calls in to one service."""

    def __init__(
        self, audience: str, keys: Verifier, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self._audience = audience
        self._keys = keys
        self._now = now
        self._used: dict[str, float] = {}

    @classmethod
    def from_file(cls, audience: str, path: Path) -> "Admission":
        """Know the gateway's public keys from a JWK Set file, as it is at each call.

        Raises:
            SettingsRefused: the file holds none.
        """
        try:
            return cls(audience, KeysInFile(path))
        except (OSError, ValueError, KeyError, TypeError, TokenRefused):
            raise SettingsRefused(f"{path} holds no public keys for passes.") from None

    def admit(self, authorization: str | None, operation: str) -> Pass:
        """Return the pass of a call to `operation`.

        Raises:
            PassRefused: none, malformed, expired, for another service or operation, or used
                before in this process.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer":
            raise PassRefused("Ask the gateway; nobody else may call this service.")
        try:
            claims = verify(
                token,
                self._keys,
                typ=_TYP,
                issuer=ISSUER,
                audience=self._audience,
                at=self._now(),
                lifetime=LIFETIME,
            )
            admitted = _read(claims)
        except (TokenRefused, KeyError, TypeError):
            raise PassRefused("Ask the gateway; nobody else may call this service.") from None
        if admitted.operation != operation:
            raise PassRefused("The pass is for another operation.")
        self._use_once(admitted.id)
        return admitted

    def _use_once(self, jti: str) -> None:
        # In memory on purpose: a pass lives 60 s, and a database look-up on each inside call
        # would cost more than the replay of an operation that the caller may do anyway.
        now = time.monotonic()
        if jti in self._used:
            raise PassRefused("The pass was used before.")
        if len(self._used) >= _REMEMBERED or (self._used and self._oldest() < now - 300):
            self._used = {j: t for j, t in self._used.items() if t > now - 120}
        self._used[jti] = now

    def _oldest(self) -> float:
        return next(iter(self._used.values()))


def _read(claims: Mapping[str, Any]) -> Pass:
    optional = {name: str(claims[c]) for c, name in _OPTIONAL.items() if c in claims}
    return Pass(
        audience=str(claims["aud"]),
        operation=str(claims["op"]),
        tenant=str(claims["tnt"]),
        id=str(claims["jti"]),
        data_categories=tuple(map(str, claims["cat"])),
        constraints=dict(claims["con"]),
        **optional,
    )


def _admitted(request: Request) -> Pass:
    admission: Admission = request.app.state.admission
    operation = request.scope["route"].name
    admitted = admission.admit(request.headers.get("authorization"), operation)
    request.state.tenant = admitted.tenant
    return admitted


PassDep = Annotated[Pass, Depends(_admitted)]
