"""What the scripted model finds in a request: the use case, the data, sentences to quote."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_USE_CASE = re.compile(r"Cas d.usage : ([a-z-]+)")
_BLOCK = re.compile(r'<(donnees-[0-9a-f]+) nom="([^"]+)">\n(.*?)\n</\1>', re.DOTALL)
_SENTENCE = re.compile(r"[^.!?;•]+[.!?]?")
_CONTACT = re.compile(
    r"\[(?:COURRIEL|TELEPHONE|ADRESSE|LIEN|NAISSANCE|AGE|NIR|IBAN|PIECE|PERMIS|PLAQUE|IDENTIFIANT)_"
    r"|mention retirée"
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_EDGES = " \t-–—•*·▪●:;,|"
_LONGEST_QUOTE = 200
_FEWEST_WORDS = 4
_SHORTEST_QUOTE = 3


@dataclass(frozen=True, slots=True)
class Reading:
    """A request, read: `use_case` is empty when none is named."""

    use_case: str
    data: Mapping[str, str]

    def entries(self, name: str) -> list[dict[str, object]]:
        """Return the objects of a JSON list among the data; none when it is not there."""
        try:
            value = json.loads(self.data.get(name, "[]"))
        except ValueError:
            return []
        return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def read(messages: Sequence[Mapping[str, object]]) -> Reading:
    """Read the messages of a chat completion."""
    system = _joined(messages, "system")
    named = _USE_CASE.search(system)
    blocks = {name: text for _, name, text in _BLOCK.findall(_joined(messages, "user"))}
    return Reading(use_case=named.group(1) if named else "", data=blocks)


def sentences(text: str) -> list[str]:
    """Return passages of `text`, verbatim, that somebody could talk about; contact lines left out.

    What tells an activity comes before titles and dates; of a text of fragments only, the
    fragments.
    """
    lines = [line for line in text.splitlines() if not _CONTACT.search(line)]
    found = [s for line in lines for part in _SENTENCE.findall(line) if (s := _cut(part))]
    told = [s for s in found if len(s.split()) >= _FEWEST_WORDS]
    return list(dict.fromkeys(sorted(told or found, key=_is_heading)))


def _is_heading(passage: str) -> bool:
    return passage.isupper() or bool(_YEAR.search(passage)) or not passage[0].isalpha()


def _cut(part: str) -> str:
    bare = part.strip(_EDGES)
    if len(bare) > _LONGEST_QUOTE:
        # At a space, so that the passage stays made of whole words.
        bare = bare[:_LONGEST_QUOTE].rpartition(" ")[0].rstrip(_EDGES)
    return bare if len(bare) >= _SHORTEST_QUOTE else ""


def _joined(messages: Sequence[Mapping[str, object]], role: str) -> str:
    return "\n".join(str(m.get("content", "")) for m in messages if m.get("role") == role)
