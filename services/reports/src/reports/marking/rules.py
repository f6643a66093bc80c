"""What each origin obliges us to say, to eyes and to machines (AI Act art. 50(2)).

The reviewed passages are marked too: the exception for human review covers published text of
public interest only (art. 50(4)), never a person's report.
"""

from collections.abc import Iterable

from reports.synthesis.document import AI_ORIGINS, Block, Origin, Provenance, Signature
from reports.synthesis.french import long_date

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
VISIBLE = "[IA]"

SOURCE_TYPES: dict[str, str] = {
    "human": "digitalCreation",
    "beneficiary": "digitalCreation",
    "ai_assisted": "compositeWithTrainedAlgorithmicMedia",
    "ai_generated": "trainedAlgorithmicMedia",
    "computed": "algorithmicMedia",
}
DISCLOSURE = {"ai_assisted": "ai-assisted", "ai_generated": "ai-generated"}


def source_type(origin: Origin) -> str:
    """Return the IPTC digital source type of a passage, as a URI."""
    return IPTC + SOURCE_TYPES[origin]


def document_source_type(blocks: Iterable[Block]) -> str:
    """Return the IPTC type of the whole: composite as soon as one passage is a model's."""
    marked = any(block.is_ai for block in blocks)
    return IPTC + ("compositeWithTrainedAlgorithmicMedia" if marked else "digitalCreation")


def disclosure(blocks: Iterable[Block]) -> str:
    """Return the value of the `ai-disclosure` metadata of the whole."""
    return "mixed" if any(block.is_ai for block in blocks) else "none"


def visible_label(provenance: Provenance, signature: Signature | None) -> str:
    """Return the words printed with an AI passage; empty for one that no model wrote."""
    if provenance.origin not in AI_ORIGINS:
        return ""
    made = "Rédigé par IA" if provenance.origin == "ai_generated" else "Assisté par IA"
    review = provenance.review
    if review is None:
        return f"{VISIBLE} {made}, à relire"
    if signature is not None and review.by == signature.by:
        return f"{VISIBLE} {made}, relu par {signature.name}"
    return f"{VISIBLE} {made}, relu le {long_date(review.at)}"


def computed_label(provenance: Provenance) -> str:
    """Return the words printed with a chart or table that a rule made."""
    if provenance.origin != "computed" or provenance.generated_at is None:
        return ""
    return f"Calculé le {long_date(provenance.generated_at)}"
