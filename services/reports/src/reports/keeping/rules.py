"""What is kept of a signed version, and what it is bound to."""

from pydantic import AwareDatetime, Field

from reports.synthesis.document import Content, Digest, Prose, Status, Value


class KeptObservation(Value):
    """What the beneficiary wrote about the version, word for word."""

    text: Prose
    at: AwareDatetime
    on_version: int = Field(ge=1, le=10_000)


class KeptReport(Value):
    """A signed version with the person's own words: it is read when the vault is gone.

    The digest stays that of the reviewed state, which the signature and the files name.
    """

    kind: str
    status: Status
    version: int = Field(ge=1, le=10_000)
    revision: int = Field(ge=1)
    digest: Digest
    created_at: AwareDatetime
    signed_at: AwareDatetime
    content: Content
    observations: list[KeptObservation] = Field(max_length=1000)


def report_context(tenant: str, agreement: str, report: str) -> str:
    """Return what a kept report is bound to."""
    return f"kept|{tenant}|{agreement}|{report}"


def file_context(tenant: str, agreement: str, report: str, version: int, kind: str) -> str:
    """Return what a kept file is bound to."""
    return f"kept|{tenant}|{agreement}|{report}|{version}|{kind}"
