"""Asking a beneficiary: the centre's part, which permits nothing yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import notice, store
from gateway.consents.rules import ConsentStatus, end_of, is_special
from gateway.consents.tokens import TOO_LARGE, Tokens
from gateway.consents.vocabulary import vocabulary
from gateway.problems import (
    ConsentState,
    ConsentTokenTooLarge,
    ExplicitConsentNeeded,
    VocabularyUnknown,
)
from gateway.records.rules import Kind
from gateway.tables import Bilan, Consent
from gateway.tenants import doors
from gateway.tenants.rules import new_secret, secret_digest
from gateway.tenants.service import Caller
from keel.identifiers import new_id
from keel.problems import NotFound
from keel.tokens import MAX_TOKEN_BYTES

_RENEWABLE = frozenset((ConsentStatus.AUTHORISED, ConsentStatus.EXPIRED))


@dataclass(frozen=True, slots=True)
class Requesting(Tokens):
    """The verb of asking."""

    async def request(
        self,
        session: AsyncSession,
        caller: Caller,
        bilan: Bilan,
        grants: Sequence[Mapping[str, Any]],
        recipients: Mapping[str, Mapping[str, Any]],
        *,
        validity: timedelta | None = None,
        renewal_of: str | None = None,
    ) -> tuple[Consent, str]:
        """Ask a beneficiary; returns the consent and the secret of its ceremony, shown once.

        `validity` counts from the answer; the deployment's own when it is not given.

        Raises:
            VocabularyUnknown: a purpose, category or recipient that is not in the vocabulary.
            ExplicitConsentNeeded: a special category in a grant that is not `explicit`.
            ConsentTokenTooLarge: all of it, granted, would not fit into one consent token.
            NotFound: the consent to renew is none of this bilan's.
            ConsentState: the consent to renew neither stands nor expired.
        """
        _refuse_unknown(grants, recipients)
        if renewal_of is not None:
            await self._refuse_renewal(session, bilan, renewal_of)
        text, secret, at = notice.write(grants, recipients), new_secret(), self.now()
        length = self.validity if validity is None else validity
        consent = Consent(
            tenant=caller.tenant,
            id=new_id("cns"),
            beneficiary=bilan.beneficiary,
            bilan=bilan.id,
            client=caller.client,
            status=str(ConsentStatus.AWAITING),
            epoch=1,
            grants=[dict(g) for g in grants],
            notice_version=notice.VERSION,
            notice_sha256=notice.digest(text),
            notice_text=text,
            requested_at=at,
            expires_at=end_of(at, length),
            validity_seconds=int(length.total_seconds()),
            renewal_of=renewal_of,
            ceremony=new_id("cer"),
            ceremony_sha256=secret_digest(secret),
            ceremony_ends_at=at + self.ceremony_validity,
        )
        self._refuse_too_large(caller, consent)
        await store.add(session, consent)
        await doors.add(session, secret, consent.tenant)
        await self._record(session, consent, Kind.CONSENT_REQUESTED, caller)
        return consent, secret

    async def _refuse_renewal(self, session: AsyncSession, bilan: Bilan, consent_id: str) -> None:
        renewed = await self.find(session, bilan.tenant, consent_id)
        if renewed.bilan != bilan.id:
            raise NotFound
        if renewed.status not in _RENEWABLE:
            raise ConsentState(
                "A consent is renewed while it stands or after it expired. Ask for a new one "
                "without `renewal_of`."
            )

    def _refuse_too_large(self, caller: Caller, consent: Consent) -> None:
        """Refuse when asked what could never be used: its token, with everything granted."""
        if self.largest_token(caller, consent) > MAX_TOKEN_BYTES:
            raise ConsentTokenTooLarge(TOO_LARGE)


def _refuse_unknown(
    grants: Sequence[Mapping[str, Any]], recipients: Mapping[str, Mapping[str, Any]]
) -> None:
    words = vocabulary()
    purposes = [g["purpose"] for g in grants]
    if len(set(purposes)) != len(purposes):
        raise VocabularyUnknown("Ask each purpose once: one decision a purpose.")
    for grant in grants:
        if grant["purpose"] not in words.purposes:
            raise VocabularyUnknown("See GET /v1/vocabulary for the purposes.")
        if not set(grant["data_categories"]) <= set(words.data_categories):
            raise VocabularyUnknown(
                "See GET /v1/vocabulary for the data categories. Data on offences is blocked "
                "always and cannot be asked for (GDPR art. 10)."
            )
        if any(map(is_special, grant["data_categories"])) and not grant.get("explicit"):
            raise ExplicitConsentNeeded(
                "Set `explicit` on each grant that names a special category: the person is then "
                "asked about that category by a question of its own (GDPR art. 9)."
            )
        if not set(grant["recipients"]) <= set(recipients):
            raise VocabularyUnknown("See GET /v1/recipients for the recipients.")
