"""Every knob of the labour market."""

from keel.settings import ServiceSettings, SettingsConfigDict

DATABASE = "sqlite+aiosqlite:///labour-market.sqlite"


class Settings(ServiceSettings):
    """Set by environment variables that begin with LABOUR_MARKET_."""

    model_config = SettingsConfigDict(env_prefix="LABOUR_MARKET_")

    port: int = 8003
    database_url: str = DATABASE
