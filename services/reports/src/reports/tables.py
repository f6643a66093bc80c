"""This service's own declarative base: no two services share metadata."""

from sqlalchemy.orm import DeclarativeBase

from keel.database import metadata
from keel.endings import EndedRow
from keel.sealing import ContentKeyRow


class Base(DeclarativeBase):
    """The base of every table of reports."""

    metadata = metadata()


class ContentKey(ContentKeyRow, Base):
    """The wrapped content key of each bilan, and the kept key of each agreement."""


class Ended(EndedRow, Base):
    """That a bilan or an agreement ended here: nobody makes its key again."""
