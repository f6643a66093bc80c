"""What a counsellor is bound by and has shown (Code du travail L6313-4; AI Act art. 4)."""

import hashlib
from datetime import date
from enum import StrEnum

SECRECY_VERSION = "2026-11-01"
SECRECY_TEXT = """\
Le secret professionnel en bilan de compétences

Ce que vous apprenez d’une personne pendant son bilan ne regarde qu’elle. La loi vous tient au \
secret professionnel (Code du travail, article L6313-4 ; Code pénal, articles 226-13 et 226-14).

Les résultats détaillés et le document de synthèse appartiennent à la personne. Vous ne les \
communiquez à personne d’autre sans son accord : ni à l’employeur, ni au financeur, ni à un \
collègue qui n’est pas affecté à ce bilan.

Révéler une information à caractère secret est puni d’un an d’emprisonnement et de \
15 000 euros d’amende.

Chaque lecture d’un dossier se fait en votre nom et pour le bilan de la personne, rien d’autre.
"""
"""The secrecy notice, in French, as a counsellor reads it before the first bilan (LR-A21)."""


class QualificationKind(StrEnum):
    """What is recorded: training on AI (AI Act art. 4), a certification for a test (LR-B05)."""

    AI_TRAINING = "ai_training"
    TEST_CERTIFICATION = "test_certification"


def secrecy_sha256() -> str:
    """SHA-256 of the notice's exact UTF-8 text, hexadecimal."""
    return hashlib.sha256(SECRECY_TEXT.encode()).hexdigest()


def is_valid_period(obtained_on: date, expires_on: date | None) -> bool:
    """Say whether a qualification ends, if it does, after it was obtained."""
    return expires_on is None or expires_on > obtained_on
