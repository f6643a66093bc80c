"""Every knob of the labour market."""

from pathlib import Path

from keel.settings import ServiceSettings, SettingsConfigDict


class Settings(ServiceSettings):
    """Set by environment variables that begin with LABOUR_MARKET_."""

    model_config = SettingsConfigDict(env_prefix="LABOUR_MARKET_")

    port: int = 8003
    database_url: str


class VerbSettings(Settings):
    """What the verbs need: a database; they let nobody in, so they ask for no keys."""

    database_url: str = "sqlite+aiosqlite:///var/labour-market.sqlite3"
    pass_jwks_file: Path = Path()
