"""What is acknowledged is on disk, on the server that decides (consent profile, sections 4 and 8).

A permit that a standby gives, or a withdrawal that a crash takes back, is worse than no answer.
"""

from sqlalchemy.ext.asyncio import AsyncConnection

from keel.start import StartRefused

_ASK = """
SELECT pg_is_in_recovery() AS standby, current_setting('synchronous_commit') AS commits,
       current_setting('fsync') AS syncs
"""

_ON_DISK = frozenset({"on", "remote_apply"})
"""`local` and `remote_write` acknowledge what a disk that takes over may lack (section 8)."""


class NotDurable(StartRefused):
    """The database would not keep what it acknowledges; the message says what to change."""


async def require_durability(connection: AsyncConnection) -> None:
    """Refuse a PostgreSQL whose commits are not on its own disk when they are answered.

    Raises:
        NotDurable: it is a standby, or `synchronous_commit` is weaker than on for this role, or
            `fsync` is off.
    """
    if connection.dialect.name != "postgresql":
        return
    found = (await connection.exec_driver_sql(_ASK)).one()
    if found.standby:
        raise NotDurable("The database is a standby. Give the address of the primary.")
    if found.commits not in _ON_DISK:
        raise NotDurable(
            f"synchronous_commit is {found.commits} for this role: what was acknowledged could be "
            "lost. "
            "Set it to on (ALTER ROLE … SET synchronous_commit = on)."
        )
    if found.syncs == "off":
        raise NotDurable("fsync is off on this server: what was acknowledged could be lost.")
