"""`python -m demo.check DIR`: verify what a demo left, offline, with nobody's word for it."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from demo.log_verifier import Checkpoint, NotProved, VerifierKey, verify_inclusion, verify_receipt

_USAGE = "Usage: python -m demo.check FOLDER [VERIFIER_KEY]"


def main(arguments: Sequence[str]) -> int:
    """Verify records.json against checkpoint.txt; 0 when every record is proved.

    The verifier key that lies beside the records is only as good as the way it came: give one
    that was kept elsewhere as the second argument.
    """
    if not 1 <= len(arguments) <= 2:  # noqa: PLR2004 - a folder, a key
        print(_USAGE, file=sys.stderr)
        return 2
    folder = Path(arguments[0])
    try:
        kept: dict[str, Any] = json.loads((folder / "records.json").read_text("utf-8"))
        key = VerifierKey.parse(arguments[1] if len(arguments) > 1 else kept["verifier_key"])
        checkpoint = Checkpoint.verified((folder / "checkpoint.txt").read_text("utf-8"), key)
        for receipt in kept["records"]:
            proved = verify_receipt(receipt, key)
            verify_inclusion(proved.leaf, receipt["inclusion"], checkpoint)
    except (NotProved, OSError, ValueError, KeyError) as problem:
        print(f"Not proved: {problem}", file=sys.stderr)
        return 1
    print(
        f"{len(kept['records'])} records are in the tree of size {checkpoint.size} "
        f"that {checkpoint.origin} signed."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
