"""Alembic calls this; the work is done in keel."""

from keel.migrations import run_environment
from reports.versions.store import Base  # the rows are declared where they are used

run_environment(Base.metadata)
