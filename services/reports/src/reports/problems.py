"""Every way this service can say no."""

from keel.problems import Problem


class RecordMissing(Problem):
    """An assisted result came without the record of the call that made it."""

    code = "record_missing"
    title = "A passage of a model names no transparency record"
    status = 422


class UnreadableMaterial(Problem):
    """A run's result has not the shape of its use case."""

    code = "unreadable_material"
    title = "A run's result cannot be read"
    status = 422


class ReportExists(Problem):
    """The identifier was used for another draft."""

    code = "report_exists"
    title = "A different report has this identifier"
    status = 409


class ReportChanged(Problem):
    """Somebody changed the report in between."""

    code = "report_changed"
    title = "The report changed in between"
    status = 409


class ReportFrozen(Problem):
    """A signed version is never altered."""

    code = "report_frozen"
    title = "This version is signed and cannot change"
    status = 409


class BlockNotEditable(Problem):
    """The passage is a table, a chart, or the beneficiary's own words."""

    code = "block_not_editable"
    title = "This passage is not rewritten here"
    status = 409


class NothingToReview(Problem):
    """No model had a part in the passage."""

    code = "nothing_to_review"
    title = "No model wrote this passage"
    status = 409


class ReviewMissing(Problem):
    """AI passages that nobody has reviewed stand in the way of a signature."""

    code = "review_missing"
    title = "Some passages of a model have no review"
    status = 409


class MandatorySectionEmpty(Problem):
    """A part that every synthesis document has holds nothing."""

    code = "mandatory_section_empty"
    title = "A mandatory part of the document is empty"
    status = 409


class ContentDiffers(Problem):
    """What was handed in for signature is not the reviewed draft with its texts restored."""

    code = "content_differs"
    title = "The content for signature is not the reviewed draft"
    status = 409


class WrongStatus(Problem):
    """The life cycle does not allow this step now."""

    code = "wrong_status"
    title = "The report is not at this step of its life cycle"
    status = 409


class RenderingFailed(Problem):
    """The renderer gave up on this document; nothing was stored."""

    code = "rendering_failed"
    title = "The document could not be rendered"
    status = 503
