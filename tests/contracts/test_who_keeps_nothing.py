"""The router and the labour market keep nothing about anybody: there is nowhere to put it."""

from pathlib import Path

from labour_market.settings import Settings as MarketSettings
from labour_market.tables import Base as Market
from llm_router.settings import Settings as RouterSettings

ROOT = Path(__file__).parents[2]
ABOUT_SOMEBODY = {"tenant", "beneficiary", "bilan", "client", "counsellor", "person", "sealed"}


def test_no_table_of_the_labour_market_is_about_somebody():
    tables = Market.metadata.tables
    assert len(tables) > 5
    for name, table in tables.items():
        assert not ABOUT_SOMEBODY & set(table.columns.keys()), name


def test_the_router_has_no_database_and_no_key():
    knobs = RouterSettings.model_fields
    assert not [name for name in knobs if "database" in name or "key_encryption" in name]
    sources = (ROOT / "services/llm-router/src").rglob("*.py")
    assert not [path for path in sources if "sqlalchemy" in path.read_text()]
    assert not [name for name in MarketSettings.model_fields if "key_encryption" in name]
