"""This service's own declarative base: no two services share metadata."""

from sqlalchemy.orm import DeclarativeBase

from keel.database import metadata
from keel.sealing import ContentKeyRow


class Base(DeclarativeBase):
    """The base of every table of reports."""

    metadata = metadata()


class ContentKey(ContentKeyRow, Base):
    """The wrapped content key of each bilan."""
