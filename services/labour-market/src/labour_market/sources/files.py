"""Reading the producers' tables with Polars, every column as text until a parser says otherwise.

The only module that imports Polars: importers run apart from the matching API, which stays small.
"""

import hashlib
from pathlib import Path

import polars as pl

from labour_market.sources.harvest import SourceRefused


class Folder:
    """The files of one source; remembers what was read, for counts and the release's digest."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.counts: dict[str, int] = {}
        self._digest = hashlib.sha256()

    @property
    def digest(self) -> str:
        """SHA-256 over the bytes of all files read so far, in the order of reading."""
        return self._digest.hexdigest()

    def read(self, name: str, *columns: str) -> pl.DataFrame:
        """Read one file and hold it to its columns.

        Raises:
            SourceRefused: the file is missing, unreadable, or a column has another name.
        """
        path = self._found(name)
        self._digest.update(path.read_bytes())
        try:
            frame = (
                pl.read_parquet(path)
                if path.name.endswith(".parquet")
                else pl.read_csv(path, infer_schema=False)
            )
        except (pl.exceptions.PolarsError, OSError) as error:
            raise SourceRefused(f"{path.name} cannot be read: {type(error).__name__}") from error
        frame = frame.rename({name: name.strip() for name in frame.columns})
        missing = sorted(set(columns) - set(frame.columns))
        if missing:
            raise SourceRefused(f"{path.name} has no column {', '.join(missing)}")
        self.counts[path.name] = frame.height
        return frame

    def text(self, name: str) -> str:
        """Read one text file, UTF-8.

        Raises:
            SourceRefused: the file is missing.
        """
        path = self._found(name)
        data = path.read_bytes()
        self._digest.update(data)
        self.counts[path.name] = data.count(b"\n") + (not data.endswith(b"\n"))
        return data.decode("utf-8", errors="replace")

    def _found(self, name: str) -> Path:
        for candidate in (name, f"{name}.gz"):
            if (self.root / candidate).is_file():
                return self.root / candidate
        raise SourceRefused(f"{name} is not in {self.root.name}/")
