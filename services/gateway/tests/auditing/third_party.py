"""The log as verifiers see it that we did not write: `tlog-scales`, `metamorphic-log`, `aics-tlog`.

Each function reads one log over HTTP and raises where it does not believe what it reads. What they
know of the log is its address, the verifier key and checkpoints that somebody kept.
"""

import base64
import json
import subprocess
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx
import metamorphic_log
from tlog_scales import tiles
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tlog import Checkpoint

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """What an auditor has: where the log is, its key from elsewhere, checkpoints kept before."""

    url: str
    vkey: str
    kept: Sequence[str]


def by_tlog_scales(log: Published, indices: Iterable[int]) -> int:
    """Check checkpoint, leaves, inclusion and consistency; all from the tiles. Returns the size."""
    backend = HttpBackend(log.url)
    try:
        reader = TilesReader(backend)
        key = Vkey.from_string(log.vkey)
        checkpoint = reader.get_checkpoint()
        checkpoint.verify(key)
        for index in indices:
            hashed = tiles.leaf_hash(reader.get_entry(index))
            proof = reader.get_inclusion_proof(index, checkpoint.size)
            proof.check(hashed, checkpoint.root_hash)
        for note in log.kept:
            older = Checkpoint.from_text(note)
            older.verify(key)
            proof = reader.get_consistency_proof(older.size, checkpoint.size)
            proof.check(older.root_hash, checkpoint.root_hash)
        return checkpoint.size
    finally:
        backend.session.close()


def by_metamorphic(log: Published, indices: Iterable[int]) -> int:
    """Check checkpoint, leaves, inclusion and consistency with the proofs that the log serves."""
    with httpx.Client(base_url=log.url + "/", trust_env=False, timeout=30) as http:
        note = _got(http, "checkpoint").decode()
        head = metamorphic_log.checkpoint_verify(note, [log.vkey])
        bundles: dict[int, list[bytes]] = {}
        for index in indices:
            at = index // 256
            if at not in bundles:
                bundles[at] = _entries(http, at, head.size)
            path = _hashes(http, f"proof/inclusion?index={index}&size={head.size}")
            hashed = tiles.leaf_hash(bundles[at][index % 256])
            metamorphic_log.checkpoint_verify_inclusion(note, [log.vkey], index, hashed, path)
        for older in log.kept:
            size = metamorphic_log.checkpoint_verify(older, [log.vkey]).size
            path = _hashes(http, f"proof/consistency?from={size}&to={head.size}")
            metamorphic_log.checkpoint_verify_consistency(older, note, [log.vkey], path)
        return head.size


def by_metamorphic_from_tiles(log: Published, indices: Iterable[int]) -> int:
    """The same with paths that are read out of the tiles."""
    backend = HttpBackend(log.url)
    try:
        reader = TilesReader(backend)
        note = (backend.get("checkpoint") or b"").decode()
        size = metamorphic_log.checkpoint_verify(note, [log.vkey]).size
        reader.set_size(size)
        for index in indices:
            hashed = tiles.leaf_hash(reader.get_entry(index))
            path = reader.get_inclusion_proof(index, size).node_hashes
            metamorphic_log.checkpoint_verify_inclusion(note, [log.vkey], index, hashed, path)
        return size
    finally:
        backend.session.close()


def _got(http: httpx.Client, path: str) -> bytes:
    return http.get(path).raise_for_status().content


def _hashes(http: httpx.Client, path: str) -> list[bytes]:
    return [base64.b64decode(hashed) for hashed in json.loads(_got(http, path))["hashes"]]


def _entries(http: httpx.Client, at: int, size: int) -> list[bytes]:
    width = min(256, size - at * 256)
    path = tiles.tile_path(-1, at, 0 if width == 256 else width)
    body, found = _got(http, "/".join(path)), []
    while body:
        length = int.from_bytes(body[:2], "big")
        found.append(body[2 : 2 + length])
        body = body[2 + length :]
    return found


class NotBelievedError(Exception):
    """The verifier in the other interpreter does not believe the log."""


def by_aics(python: Path, log: Published, indices: Collection[int]) -> int:
    """Check every tile and entry, inclusion and consistency with `aics-tlog`, in its own Python."""
    asked = {"url": log.url, "vkey": log.vkey, "kept": list(log.kept), "indices": list(indices)}
    done = subprocess.run(
        [python, "-I", HERE / "by_aics.py"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if done.returncode != 0:
        raise NotBelievedError(done.stderr[-500:])
    return int(json.loads(done.stdout)["size"])
