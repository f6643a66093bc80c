"""What beneficiaries contest."""

from datetime import datetime

from sqlalchemy import ForeignKeyConstraint, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at, id_key
from keel.tenancy import TenantOwned


class Contestation(TenantOwned, Base):
    """What a person says about one use of AI; the text is sealed under the person's own key."""

    __tablename__ = "contestations"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant", "beneficiary"], ["beneficiaries.tenant", "beneficiaries.id"]
        ),
        ForeignKeyConstraint(["tenant", "bilan"], ["bilans.tenant", "bilans.id"]),
        Index("ix_contestations_bilan", "tenant", "bilan"),
        Index("ix_contestations_beneficiary", "tenant", "beneficiary"),
    )

    id: Mapped[str] = id_key()
    beneficiary: Mapped[str] = mapped_column(String(32))
    bilan: Mapped[str] = mapped_column(String(32))
    contested: Mapped[str] = mapped_column(String(32))
    """The record of the use of AI that it is about."""
    record: Mapped[str] = mapped_column(String(32))
    """The record that says that it was contested."""
    sealed: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = at()
