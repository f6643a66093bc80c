"""The platform in one process, its databases on PostgreSQL: `urls.json` in the data folder.

Nobody runs it like this; here it lets one story be played on both databases.
"""

import json
import sys

import standalone.__main__ as platform
from standalone.layout import Layout


class _OnPostgresql(Layout):
    def database_url(self, service: str) -> str:
        return str(json.loads((self.data / "urls.json").read_text())[service])

    async def migrate(self) -> None:
        """Its owner migrated them."""


platform.Layout = _OnPostgresql  # type: ignore[misc]
sys.exit(platform.main())
