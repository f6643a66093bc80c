"""Alembic calls this; the work is done in keel."""

from keel.migrations import run_environment
from reports.tables import Base
from reports.versions.store import ReportRow

# The rows are declared where they are used; importing one declares them all.
_DECLARED = ReportRow

run_environment(Base.metadata)
