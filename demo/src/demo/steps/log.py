"""Step 7: the transparency log is checked with code that shares nothing with the platform."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from demo.log_verifier import (
    Checkpoint,
    Proved,
    VerifierKey,
    check_consistency,
    hashes_of,
    verify_inclusion,
    verify_receipt,
)
from demo.stage import Stage

WHAT = "The transparency log is checked, without taking the platform's word for it"
_CLOSING = frozenset({"ai.result", "ai.error", "ai.cancelled"})


def play(stage: Stage) -> None:
    """Prove every record of the bilan against one signed checkpoint."""
    story, centre, key = stage.story, stage.centre, stage.log_key
    if key is None or stage.first_checkpoint is None:
        raise RuntimeError("The log's key has not been read yet.")
    with story.step(WHAT) as step:
        with story.act("records of the bilan read") as told:
            records = centre.records(stage.ids["beneficiary"])
            told.append(f"({len(records)})")
        with story.act("receipts drawn: commitment, proof and signature of each checked"):
            receipts = [centre.record_receipt(record["id"]) for record in records]
            proved = [verify_receipt(receipt, key) for receipt in receipts]
        story.hold(
            [r["record"] for r in receipts] == list(records),
            "each public leaf commits to exactly the record that was read",
        )
        note = centre.log_text("checkpoint")
        checkpoint = Checkpoint.verified(note, key)
        proofs = _prove(stage, proved, checkpoint)
        told_how = f"checkpoint of size {checkpoint.size}, signed by {checkpoint.origin}"
        story.hold(len(proofs) == len(records), f"all {len(records)} records are in the {told_how}")
        _check_growth(stage, stage.first_checkpoint, checkpoint)
        _check_story(stage, records)
        _keep(stage, key, note, receipts, proofs)
        step.ids = {"origin": checkpoint.origin}
        step.measures = {"records": len(records), "log_size": checkpoint.size}
        step.outcome = f"{len(records)} records proved against the {told_how}"


def _prove(stage: Stage, proved: list[Proved], checkpoint: Checkpoint) -> list[Mapping[str, Any]]:
    """Prove each leaf again, all of them against the one checkpoint that is kept."""
    proofs = []
    for leaf in proved:
        proof = stage.centre.log_proof("inclusion", index=leaf.index, size=checkpoint.size)
        verify_inclusion(leaf.leaf, proof, checkpoint)
        proofs.append(proof)
    return proofs


def _check_growth(stage: Stage, first: Checkpoint, last: Checkpoint) -> None:
    asked = {"from": first.size, "to": last.size}
    check_consistency(first, last, hashes_of(stage.centre.log_proof("consistency", **asked)))
    stage.story.hold(
        last.size > first.size,
        f"the log only grew since the demo began ({first.size} → {last.size}): proved",
    )


def _check_story(stage: Stage, records: list[Mapping[str, Any]]) -> None:
    """Compare the records with what this demo did."""
    kinds = Counter(record["kind"] for record in records)
    stage.story.terminal.facts([("kinds", ", ".join(f"{n} {k}" for k, n in kinds.items()))])
    dispatched = [r["id"] for r in records if r["kind"] == "ai.dispatch"]
    closed = [r["prev"] for r in records if r["kind"] in _CLOSING]
    stage.story.hold(
        sorted(dispatched) == sorted(closed) and len(dispatched) <= len(stage.sent()),
        f"{len(dispatched)} calls of the model, each recorded before and closed after",
    )
    order = [record["kind"] for record in records]
    stage.story.hold(
        "consent.revoked" in order
        and "ai.dispatch" not in order[order.index("consent.revoked") :]
        and kinds["gate.refused"] >= 1,
        "no call after the withdrawal, and the refusals are written down too",
    )


def _keep(
    stage: Stage,
    key: VerifierKey,
    note: str,
    receipts: list[Mapping[str, Any]],
    proofs: list[Mapping[str, Any]],
) -> None:
    stage.story.keep("checkpoint.txt", note)
    stage.story.keep_json(
        "records.json",
        {
            "verifier_key": stage.centre.log_text("vkey").strip(),
            "origin": key.name,
            "records": [
                {**receipt, "inclusion": proof}
                for receipt, proof in zip(receipts, proofs, strict=True)
            ],
        },
    )
