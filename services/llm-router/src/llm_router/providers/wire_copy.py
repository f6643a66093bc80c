"""A copy of what leaves towards models, byte for byte, for people who want to see it.

Off unless an operator names a file. The file is theirs alone (0600), and holds pseudonymised text.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from keel.clock import utc_now
from keel.settings import SettingsRefused

_APPENDING = os.O_WRONLY | os.O_APPEND | os.O_CREAT
_OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True)
class WireCopy:
    """Appends each request body after a line that says where it went and how long it is."""

    file: Path

    @classmethod
    def prepared(cls, file: Path) -> Self:
        """Make sure at start that the file can be written.

        Raises:
            SettingsRefused: it cannot.
        """
        try:
            os.close(os.open(file, _APPENDING, _OWNER_ONLY))
        except OSError as error:
            reason = error.strerror or "refused"
            raise SettingsRefused(f"{file} cannot be written ({reason}).") from None
        return cls(file)

    def keep(self, body: bytes, *, deployment: str, url: str) -> None:
        """Append one body; one write a request, so that concurrent requests do not mix.

        Raises:
            OSError: the file cannot be written. The request then does not leave: an operator
                who asked to see everything must not be shown a part.
        """
        head = {
            "at": utc_now().isoformat(),
            "deployment": deployment,
            "url": url,
            "bytes": len(body),
        }
        entry = json.dumps(head).encode() + b"\n" + body + b"\n"
        descriptor = os.open(self.file, _APPENDING, _OWNER_ONLY)
        with os.fdopen(descriptor, "ab", buffering=0) as out:
            os.fchmod(out.fileno(), _OWNER_ONLY)
            out.write(entry)
