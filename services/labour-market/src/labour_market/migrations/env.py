"""Alembic's entry: this service's own history, on this service's own tables."""

from keel.migrations import run_environment
from labour_market.tables import Base

run_environment(Base.metadata)
