"""Alembic calls this; the work is done in keel."""

from anonymizer.tables import Base
from keel.migrations import run_environment

run_environment(Base.metadata)
