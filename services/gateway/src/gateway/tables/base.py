"""What every table of the gateway is made of."""

from typing import Any

from sqlalchemy import String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from keel.database import Instant, metadata


class Base(DeclarativeBase):
    """The gateway's own metadata."""

    metadata = metadata()


def id_key() -> Mapped[str]:
    """Return the column of an identifier, in the key."""
    return mapped_column(String(32), primary_key=True)


def at(*, nullable: bool = False) -> Mapped[Any]:
    """Return the column of an instant."""
    return mapped_column(Instant, nullable=nullable)
