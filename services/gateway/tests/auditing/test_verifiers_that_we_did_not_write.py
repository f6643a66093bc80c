"""Anyone can check the log with tools that we did not write, and they see every bit that is wrong.

A real gateway process serves a log that was written through the verb of every business transaction.
"""

import random
from collections.abc import Callable

import httpx
import metamorphic_log
import pytest
from cryptography.exceptions import InvalidSignature
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint, ConsistencyProofInvalid, InclusionProofInvalid

SAID_NO = (
    InclusionProofInvalid,
    ConsistencyProofInvalid,
    InvalidSignature,
    metamorphic_log.VerifyError,
    httpx.HTTPStatusError,
    UnicodeDecodeError,
    RuntimeError,
    ValueError,
    IndexError,
    AssertionError,
)
"""What a verifier raises on a log that it does not believe, or cannot read as one."""


@pytest.fixture
def chosen(live) -> list[int]:
    """The leaves whose inclusion is asked for: the edges of tiles, and a random part."""
    size = live.size
    some = random.Random(4).sample(range(size), min(2000, size // 10))  # noqa: S311 - repeatable
    return sorted({0, 255, 256, size // 2, size - 1, *some})


def accepted(live, verifier: Callable[[], int]) -> int:
    """See that a verifier accepts a size that the log, which goes on, had meanwhile."""
    before = live.size
    size = verifier()
    assert before <= size <= live.size
    return size


def verifiers(third_party) -> list[Callable[..., int]]:
    return [
        third_party.by_tlog_scales,
        third_party.by_metamorphic,
        third_party.by_metamorphic_from_tiles,
    ]


@pytest.mark.timeout(500)
def test_each_accepts_checkpoint_leaves_inclusion_and_growth(third_party, live, chosen, said):
    log = third_party.Published(live.url, live.vkey, live.kept)
    for verifier in verifiers(third_party):
        accepted(live, lambda verifier=verifier: verifier(log, chosen))
    said(accepted_by=3, size=live.size, inclusion_proofs_each=len(chosen), growth=len(live.kept))


@pytest.mark.timeout(500)
def test_every_leaf_is_in_the_tree(third_party, live, said):
    log = third_party.Published(live.url, live.vkey, live.kept)
    size = live.size
    accepted(live, lambda: third_party.by_tlog_scales(log, range(size)))
    said(tlog_scales_proved_leaves=size)


@pytest.mark.full
@pytest.mark.timeout(500)
def test_aics_tlog_accepts_every_tile_and_entry(third_party, live, chosen, aics_python, said):
    log = third_party.Published(live.url, live.vkey, live.kept)
    # It audits every tile and entry; each inclusion proof costs it a tenth of a second more.
    some = chosen[::5]
    size = accepted(live, lambda: third_party.by_aics(aics_python, log, some))
    said(aics_tlog_accepted=size, inclusion_proofs=len(some))


def flips(mirror, size: int, seed: int) -> list[tuple[str, int, list[int]]]:
    """One bit of each kind of thing that the log serves, and leaves that it bears on."""
    some, last = random.Random(seed), (size - 1) // 256  # noqa: S311 - repeatable

    def bit_of(path: str) -> int:
        return some.randrange(len(mirror.content(path)[1]) * 8)

    found = [("checkpoint", bit_of("checkpoint"), [size - 1])]
    for position in {0, last}:
        width = min(256, size - position * 256)
        name = f"{position:03d}" + ("" if width == 256 else f".p/{width}")
        first = position * 256
        bit = bit_of(f"tile/0/{name}")
        found.append((f"tile/0/{name}", bit, _near(first + bit // 256, size)))
        bit = bit_of(f"tile/entries/{name}")
        entry = _entry_at(mirror.content(f"tile/entries/{name}")[1], bit // 8)
        found.append((f"tile/entries/{name}", bit, _near(first + entry, size)))
    above = f"tile/1/000.p/{size // 256}"
    found.append((above, bit_of(above), [0, 300, size // 2, size - 1]))
    return found


def _near(leaf: int, size: int) -> list[int]:
    return [at for at in (leaf - 1, leaf, leaf + 1) if 0 <= at < size]


def _entry_at(bundle: bytes, byte: int) -> int:
    """Which entry of a bundle the byte belongs to."""
    number, start = 0, 0
    while byte >= (start := start + 2 + int.from_bytes(bundle[start : start + 2], "big")):
        number += 1
    return number


@pytest.mark.timeout(500)
def test_each_refuses_a_log_with_one_flipped_bit(third_party, live, mirror, said):
    log = third_party.Published(mirror.url, live.vkey, live.kept)
    refused, rounds = 0, 1 if live.size < 1000 else 8
    for seed in range(rounds):
        for path, bit, leaves in flips(mirror, live.size, seed):
            for verifier in verifiers(third_party):
                mirror.flips, mirror.asked = {path: bit}, set()
                believed = _believes(verifier, log, leaves)
                if path not in mirror.asked:  # it proves inclusion without this tile
                    continue
                assert not believed or _meant_the_same(mirror, path), (verifier, path, bit)
                refused += not believed
    assert refused >= 10 * rounds
    said(refused=refused, size=live.size)


def _believes(verifier, log, leaves) -> bool:
    try:
        verifier(log, leaves)
    except SAID_NO:
        return False
    return True


def _meant_the_same(mirror, path) -> bool:
    """A lenient reader may read the very same checkpoint out of another spelling of its base64."""
    if path != "checkpoint":
        return False
    shown, held = mirror.content(path)[1], mirror.held[path][1]
    return Checkpoint.from_text(shown.decode()) == Checkpoint.from_text(held.decode())


@pytest.mark.full
@pytest.mark.timeout(500)
def test_aics_tlog_refuses_a_log_with_one_flipped_bit(third_party, live, mirror, aics_python, said):
    log = third_party.Published(mirror.url, live.vkey, live.kept)
    refused = 0
    for path, bit, leaves in flips(mirror, live.size, 0):
        mirror.flips = {path: bit}
        with pytest.raises(third_party.NotBelievedError):
            third_party.by_aics(aics_python, log, leaves[:3])
        refused += 1
    said(aics_tlog_refused=refused, size=live.size)


def test_a_bit_anywhere_in_the_checkpoint_is_seen_or_means_nothing(live, said):
    """Every bit of it, one after another: strictly read it is refused, leniently at least the same."""
    note, key = live.get("checkpoint"), Vkey.from_string(live.vkey)
    honest, same = Checkpoint.from_text(note.decode()), 0
    for bit in range(len(note) * 8):
        changed = bytearray(note)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            text = bytes(changed).decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(metamorphic_log.VerifyError):
            metamorphic_log.checkpoint_verify(text, [live.vkey])
        try:
            read = Checkpoint.from_text(text)
            read.verify(key)
        except SAID_NO:
            continue
        assert read == honest
        same += 1
    said(checkpoint_bits=len(note) * 8, read_as_the_same_by_tlog_scales=same)


def test_a_log_whose_tail_was_cut_is_no_continuation(third_party, live):
    kept = third_party.Published(live.url, live.vkey, [live.get("checkpoint").decode()])
    shorter = live.kept[0]
    size = metamorphic_log.checkpoint_verify(shorter, [live.vkey]).size
    with pytest.raises(metamorphic_log.VerifyError):
        metamorphic_log.checkpoint_verify_consistency(kept.kept[0], shorter, [live.vkey], [])
    assert size < live.size


@pytest.mark.full
@pytest.mark.timeout(500)
@pytest.mark.parametrize("how", ["stranger", "other origin"])
def test_a_log_of_somebody_else_is_refused(third_party, live, how):
    name, _, rest = live.vkey.partition("+")
    key_id, _, key = rest.partition("+")
    forged = f"{name}+{key_id}+AQ{'B' if key[2] != 'B' else 'C'}{key[3:]}"
    vkey = forged if how == "stranger" else f"example.org/another+{key_id}+{key}"
    log = third_party.Published(live.url, vkey, [])
    for verifier in verifiers(third_party):
        assert not _believes(verifier, log, [0])
