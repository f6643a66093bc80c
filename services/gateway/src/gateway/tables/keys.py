"""The wrapped keys of what this service seals."""

from gateway.tables.base import Base
from keel.sealing import ContentKeyRow


class ContentKey(ContentKeyRow, Base):
    """One wrapped key per bilan: runs and drafts; dies at the bilan's closing."""


class RecordKey(ContentKeyRow, Base):
    """One wrapped key per beneficiary, and one per tenant for records about no person."""

    __tablename__ = "record_keys"
