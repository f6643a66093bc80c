"""Run by a Python of its own (3.12 or newer): what `aics-tlog` says about a log.

Reads `{"url", "vkey", "kept", "indices"}` from standard input; writes `{"size", "tiles",
"bundles"}`, or ends with status 1 and the reason.
"""

import json
import sys

import aics_tlog

asked = json.load(sys.stdin)
key = aics_tlog.parse_vkey(asked["vkey"])
reader = aics_tlog.HttpTileReader(asked["url"])


def believed(note):
    found = aics_tlog.verify_checkpoint(aics_tlog.parse_note(note), key, expected_origin=key.name)
    if not found.ok:
        sys.exit(f"checkpoint: {found.error}")
    return found


head = believed(reader.read_checkpoint())
report = aics_tlog.audit_tiles(reader, head.size, head.root)
for index in asked["indices"]:
    leaf = aics_tlog.read_entry(reader, index, head.size)
    path = aics_tlog.inclusion_proof_from_tiles(reader, index, head.size)
    if not aics_tlog.verify_inclusion(aics_tlog.leaf_hash(leaf), index, head.size, path, head.root):
        sys.exit(f"leaf {index} is not included")
for note in asked["kept"]:
    older = believed(note)
    path = aics_tlog.consistency_proof_from_tiles(reader, older.size, head.size)
    if not aics_tlog.verify_consistency(older.size, head.size, older.root, head.root, path):
        sys.exit(f"size {older.size} is no prefix")
json.dump({"size": head.size, "tiles": report.tiles, "bundles": report.bundles}, sys.stdout)
