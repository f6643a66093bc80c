"""How far one text is from another, in changed characters."""


def changed_ratio(before: str, after: str) -> float:
    """Return the edit distance over the longer length, between 0 (same) and 1."""
    longest = max(len(before), len(after))
    return 0.0 if longest == 0 else round(edit_distance(before, after) / longest, 4)


def edit_distance(before: str, after: str) -> int:
    """Return the Levenshtein distance (Myers 1999, as one big-integer row for each character)."""
    if not before:
        return len(after)
    places: dict[str, int] = {}
    for position, character in enumerate(before):
        places[character] = places.get(character, 0) | 1 << position
    mask, last = (1 << len(before)) - 1, 1 << (len(before) - 1)
    plus, minus, distance = mask, 0, len(before)
    for character in after:
        match = places.get(character, 0)
        diagonal = (((match & plus) + plus) ^ plus) | match | minus
        right = minus | ~(diagonal | plus) & mask
        left = plus & diagonal
        distance += bool(right & last) - bool(left & last)
        right = (right << 1 | 1) & mask
        plus = (left << 1 | ~(diagonal | right)) & mask
        minus = right & diagonal
    return distance
