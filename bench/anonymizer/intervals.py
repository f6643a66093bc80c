"""A share of counts, and how far chance alone could have moved it."""

from dataclasses import dataclass
from math import sqrt

_Z = 1.959963984540054  # the standard normal's 97.5 % point: 95 % lie within


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    found: int
    of: int

    def __add__(self, other: "Share") -> "Share":
        return Share(self.found + other.found, self.of + other.of)

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; None where nothing was counted."""
        return self.found / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Its 95 % interval; None where nothing was counted."""
        return wilson(self.found, self.of) if self.of else None


def wilson(found: int, of: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share, both ends 0 to 1.

    It takes what is counted as independent, which the letters of one name and the names of one
    document are not: read it as the least that chance does. Source: E. B. Wilson, "Probable
    inference, the law of succession, and statistical inference", JASA 22 (1927), without a
    correction for continuity.

    Raises:
        ValueError: nothing was counted, or more was found than there is.
    """
    if not 0 <= found <= of or of == 0:
        raise ValueError(f"{found} of {of} is no share")
    share, square = found / of, _Z * _Z
    middle = share + square / (2 * of)
    reach = _Z * sqrt(share * (1 - share) / of + square / (4 * of * of))
    low, high = (middle - reach) / (1 + square / of), (middle + reach) / (1 + square / of)
    return max(0.0, low), min(1.0, high)
