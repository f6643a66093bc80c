"""The register as PDF: a pure function, the same bytes for the same register."""

from datetime import UTC

from keel.strict_json import canonical
from reports.register.document import Register
from reports.register.rules import shown
from reports.rendering.typesetting import typeset_register


def render_register(register: Register) -> bytes:
    """Return a register as PDF/A-3a and PDF/UA-1, its data attached."""
    source = canonical(register.model_dump(mode="json"))
    at = register.made_at.astimezone(UTC).replace(microsecond=0)
    return typeset_register(shown(register), source, at)
