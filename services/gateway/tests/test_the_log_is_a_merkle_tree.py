"""The tree of the log: RFC 6962 hashes and proofs, in C2SP tiles of 256 hashes."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.log import rules


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return rules.node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def verify_inclusion(leaf: bytes, index: int, size: int, path: list[bytes]) -> bytes:
    """Root from an audit path, as RFC 9162 section 2.1.3.2 gives it."""
    fn, sn, root = index, size - 1, leaf
    for sibling in path:
        if fn & 1 or fn == sn:
            root = rules.node_hash(sibling, root)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            root = rules.node_hash(root, sibling)
        fn, sn = fn >> 1, sn >> 1
    return root


def verify_consistency(
    old: int, size: int, old_root: bytes, path: list[bytes]
) -> tuple[bytes, bytes]:
    """Both roots from a consistency proof, as RFC 9162 section 2.1.4.2 gives it."""
    path = list(path)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    fn, sn = old - 1, size - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    first = second = path[0]
    for node in path[1:]:
        if fn & 1 or fn == sn:
            first, second = rules.node_hash(node, first), rules.node_hash(node, second)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            second = rules.node_hash(second, node)
        fn, sn = fn >> 1, sn >> 1
    return first, second


class Tiles:
    """A log grown batch by batch, in memory."""

    def __init__(self) -> None:
        self.edge: dict[int, bytes] = {}
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.leaves: list[bytes] = []

    def append(self, count: int) -> None:
        fresh = [rules.leaf_hash(b"%d" % (len(self.leaves) + i)) for i in range(count)]
        self.tiles.update(rules.append(self.edge, len(self.leaves), fresh))
        self.leaves += fresh

    def read(self, level: int, position: int) -> bytes:
        return self.tiles[level, position]


@given(st.lists(st.integers(0, 300), max_size=6))
@settings(max_examples=60, deadline=None)
def test_however_it_grew_its_root_is_that_of_all_its_leaves(batches):
    log = Tiles()
    for count in batches:
        log.append(count)
        assert rules.root_of_edge(log.edge) == naive_root(log.leaves)


@given(st.integers(1, 1200), st.data())
@settings(max_examples=60, deadline=None)
def test_every_leaf_has_a_proof_that_leads_to_the_root(size, data):
    log = Tiles()
    log.append(size)
    index = data.draw(st.integers(0, size - 1))
    path = rules.inclusion_proof(log.read, index, size)
    assert verify_inclusion(log.leaves[index], index, size, path) == naive_root(log.leaves)


@given(st.integers(2, 1200), st.data())
@settings(max_examples=60, deadline=None)
def test_every_earlier_tree_is_proved_to_be_a_prefix(size, data):
    log = Tiles()
    log.append(size)
    old = data.draw(st.integers(1, size - 1))
    old_root = naive_root(log.leaves[:old])
    path = rules.consistency_proof(log.read, old, size)
    assert verify_consistency(old, size, old_root, path) == (old_root, naive_root(log.leaves))


@given(st.integers(1, 70_000))
def test_the_right_edge_names_each_incomplete_tile_once(size):
    positions = rules.edge_positions(size)
    total = sum(width * 256**level for level, (_, width) in positions.items())
    assert total == size


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "000"), (255, "255"), (1000, "x001/000"), (1234067, "x001/x234/067")],
)
def test_a_tile_number_is_written_in_groups_of_three(number, text):
    assert rules.write_tile_number(number) == text
    assert rules.tile_number(text) == number


@pytest.mark.parametrize("text", ["1", "0001", "x000/001", "001/001", "x001", "-01", "00a", ""])
def test_any_other_way_of_writing_it_is_refused(text):
    assert rules.tile_number(text) is None


def test_a_leaf_has_four_members_and_no_second():
    leaf = rules.leaf(b"\x00" * 32, kind="r", minute=29923812)
    assert (
        leaf == b'{"c":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","k":"r","t":1795428720,"v":1}'
    )


def tiles_of(leaves: list[bytes], batches: list[int]) -> dict[tuple[int, int], bytes]:
    """The tiles as they stand once every leaf is in, appended in batches of these sizes."""
    edge: dict[int, bytes] = {}
    tiles: dict[tuple[int, int], bytes] = {}
    size = 0
    for width in [*batches, len(leaves)]:
        batch = leaves[size : size + width]
        tiles |= rules.append(edge, size, batch)
        size += len(batch)
    return tiles


@settings(max_examples=25, deadline=None)
@given(size=st.integers(0, 1200), batches=st.lists(st.integers(0, 700), max_size=12))
def test_however_the_leaves_are_batched_every_tile_of_every_level_is_the_same(size, batches):
    leaves = [hashlib.sha256(b"%d" % n).digest() for n in range(size)]
    assert tiles_of(leaves, batches) == tiles_of(leaves, [])


@pytest.mark.full
@pytest.mark.parametrize("size", [65_535, 65_536, 65_537])
def test_also_where_a_third_level_begins(size):
    leaves = [hashlib.sha256(b"%d" % n).digest() for n in range(size)]
    assert tiles_of(leaves, [1, 254, 2, 65_000]) == tiles_of(leaves, [])
