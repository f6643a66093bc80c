"""Sources over HTTP: what this installation knows, and how old it is."""

from datetime import datetime

from fastapi import APIRouter
from pydantic import BaseModel, Field

from keel.database import SessionDep
from keel.passes import PassDep
from labour_market.provenance import SourceView
from labour_market.sources import store
from labour_market.tables import ReleaseRow

router = APIRouter(tags=["sources"])


class SourceState(BaseModel):
    """The current release of one source and what it cites."""

    source: str = Field(max_length=20)
    name: str = Field(max_length=500)
    producer: str = Field(max_length=300)
    licence: str = Field(max_length=300)
    release: str = Field(max_length=80)
    version: str = Field(max_length=80)
    rows: int = Field(ge=0, le=1_000_000_000)
    digest: str = Field(max_length=64, description="SHA-256 of the files that were read")
    imported_at: datetime
    bundled: bool
    publications: list[SourceView] = Field(max_length=50)


class SourceList(BaseModel):
    """Every source with a current release."""

    sources: list[SourceState] = Field(max_length=50)


@router.get("/sources")
async def list_sources(_: PassDep, session: SessionDep) -> SourceList:
    """List the current releases: who made them, when they were read, whether they are bundled."""
    releases = await store.current(session)
    states = [await _state(session, releases[name]) for name in sorted(releases)]
    return SourceList(sources=states)


async def _state(session: SessionDep, release: ReleaseRow) -> SourceState:
    cited = [
        SourceView(
            key=p.key,
            name=p.name,
            producer=p.producer,
            licence=p.licence,
            url=p.url,
            published_on=p.published_on,
            retrieved_on=p.retrieved_on,
            release=release.id,
            bundled=release.bundled,
        )
        for p in await store.publications(session, release.id)
    ]
    return SourceState(
        source=release.source,
        name=" ; ".join(dict.fromkeys(p.name for p in cited))[:500],
        producer=" ; ".join(dict.fromkeys(p.producer for p in cited))[:300],
        licence=" ; ".join(dict.fromkeys(p.licence for p in cited))[:300],
        release=release.id,
        version=release.version,
        rows=release.rows,
        digest=release.digest,
        imported_at=release.imported_at,
        bundled=release.bundled,
        publications=cited,
    )
