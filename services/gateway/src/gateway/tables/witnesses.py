"""What witnesses of the log said. No tenant owns it."""

from datetime import datetime

from sqlalchemy import BigInteger, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.tables.base import Base, at


class LogCosignature(Base):
    """One witness's cosignature of one size of one generation, and the checkpoint that it is of."""

    __tablename__ = "log_cosignatures"

    generation: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    witness: Mapped[str] = mapped_column(String(210), primary_key=True)
    checkpoint: Mapped[str] = mapped_column(Text)
    line: Mapped[str] = mapped_column(Text)
    cosigned_at: Mapped[datetime] = at()
