"""Watches what the installation runs with, and writes down each change once.

The worker looks at its start and in every round. What a service does not tell now is left as it is
known: nothing is recorded that nobody saw.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import structlog

from gateway.configuration import rules, store
from gateway.configuration.rules import Component, Seen
from gateway.consents import notice
from gateway.consents.vocabulary import vocabulary
from gateway.counsellors.rules import SECRECY_VERSION, secrecy_sha256
from gateway.records.rules import DEPLOYMENT, SCHEMA_VERSION, Actor, Fact, Kind
from gateway.records.schema import schema
from gateway.records.service import Records
from gateway.services import ANONYMIZER, LLM_ROUTER, About, Services
from gateway.tenants.service import Caller
from keel.database import Database
from keel.problems import Problem

logger = structlog.get_logger()

_NOBODY = About.tenant_of(Caller(DEPLOYMENT, "", frozenset(), None))
"""Whom reference data are about."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """The verb of configuration."""

    database: Database
    services: Services
    records: Records

    async def keep_up(self) -> int:
        """Record what changed since it was last recorded; returns how many records that took."""
        looks = (self._use_cases, self._recipients, self._ruleset)
        told = [seen for look in looks for seen in await self._seen(look)]
        return sum([await self._record(seen) for seen in (*self._own(), *told)])

    @staticmethod
    def _own() -> list[Seen]:
        """Return what this process itself is made of."""
        words, told = vocabulary(), notice.VERSION
        own = (
            rules.software("gateway", version("passerelle-gateway")),
            Component("vocabulary", words.version, rules.digest(_plain(words.purposes))),
            Component("notice.consent", told, rules.digest(told)),
            Component("notice.secrecy", SECRECY_VERSION, secrecy_sha256()),
            Component("record.schema", SCHEMA_VERSION, rules.digest(schema())),
        )
        return [Seen(component.name, (component,)) for component in own]

    async def _seen(self, look: Callable[[], Awaitable[list[Seen]]]) -> list[Seen]:
        try:
            return await look()
        except Problem as problem:
            logger.warning("configuration_not_seen", code=problem.code)
            return []

    async def _use_cases(self) -> list[Seen]:
        return rules.use_cases(
            (await self._asked(LLM_ROUTER, "list_use_cases", "/use-cases"))["items"]
        )

    async def _recipients(self) -> list[Seen]:
        return rules.recipients(
            (await self._asked(LLM_ROUTER, "list_recipients", "/recipients"))["items"]
        )

    async def _ruleset(self) -> list[Seen]:
        return rules.ruleset(await self._asked(ANONYMIZER, "read_ruleset", "/ruleset"))

    async def _asked(self, service: str, operation: str, path: str) -> Any:  # noqa: ANN401 - JSON
        return await self.services.json(service, operation, "GET", path, _NOBODY)

    async def _record(self, seen: Seen) -> int:
        """Record the changes of one kind of component, each once whoever else looks."""
        async with self.database.begin(DEPLOYMENT) as session:
            before = {row.component: row for row in await store.known(session, seen.prefix)}
            now = {component.name: component for component in seen.components}
            changed = sorted(
                name
                for name in before.keys() | now.keys()
                if _digest(now.get(name)) != (before[name].digest if name in before else None)
            )
            written = 0
            for name in changed:  # in one order, in which everybody holds several
                row, component = await store.hold(session, name), now.get(name)
                if row.digest == _digest(component):  # somebody else saw it first
                    continue
                body = {
                    "component": name,
                    "version_old": row.version,
                    "version_new": None if component is None else component.version,
                    "digest_old": row.digest,
                    "digest_new": _digest(component),
                }
                fact = Fact(Kind.SYSTEM_CONFIG, DEPLOYMENT, body, actor=Actor.SYSTEM)
                await self.records.write(session, fact)
                row.version = None if component is None else component.version
                row.digest = _digest(component)
                written += 1
        return written


def _digest(component: Component | None) -> str | None:
    return None if component is None else component.digest


def _plain(entries: Any) -> Any:  # noqa: ANN401 - a JSON document of ours
    return {name: dict(entry) for name, entry in entries.items()}
