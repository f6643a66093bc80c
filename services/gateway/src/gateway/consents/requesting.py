"""Asking a beneficiary: the centre's part, which permits nothing yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.consents import notice, store
from gateway.consents.rules import ConsentStatus
from gateway.consents.standing import Standing
from gateway.consents.vocabulary import vocabulary
from gateway.problems import VocabularyUnknown
from gateway.records.rules import Kind
from gateway.tables import Bilan, Consent
from gateway.tenants import doors
from gateway.tenants.rules import new_secret, secret_digest
from gateway.tenants.service import Caller
from keel.identifiers import new_id


@dataclass(frozen=True, slots=True)
class Requesting(Standing):
    """The verb of asking."""

    async def request(
        self,
        session: AsyncSession,
        caller: Caller,
        bilan: Bilan,
        grants: Sequence[Mapping[str, Any]],
        recipients: Mapping[str, Mapping[str, Any]],
    ) -> tuple[Consent, str]:
        """Ask a beneficiary; returns the consent and the secret of its ceremony, shown once.

        Raises:
            VocabularyUnknown: a purpose, category or recipient that is not in the vocabulary.
        """
        _refuse_unknown(grants, recipients)
        text, secret, at = notice.write(grants, recipients), new_secret(), self.now()
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
            expires_at=at + self.validity,
            ceremony=new_id("cer"),
            ceremony_sha256=secret_digest(secret),
            ceremony_ends_at=at + self.ceremony_validity,
        )
        await store.add(session, consent)
        await doors.add(session, secret, consent.tenant)
        await self._record(session, consent, Kind.CONSENT_REQUESTED, caller)
        return consent, secret


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
        for category in grant["data_categories"]:
            entry = words.data_categories.get(category)
            if entry is None:
                raise VocabularyUnknown("See GET /v1/vocabulary for the data categories.")
            if entry["special"]:
                raise VocabularyUnknown(
                    "Special categories need a notice with an explicit text for them; this "
                    "notice has none (GDPR art. 9)."
                )
        if not set(grant["recipients"]) <= set(recipients):
            raise VocabularyUnknown("See GET /v1/recipients for the recipients.")
