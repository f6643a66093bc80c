"""What a record may say: every field of a body, its values, who observes it, what its absence says.

The one source of the published JSON Schema (`records/schema.py`, `docs/schemas/`) and of the table
`docs/record-fields.md`. A field that stands here and nowhere else fails a test, and so does one
that is written and does not stand here. Values are codes, ids, counts, instants: no free text, no
float, no null (I-1, I-4, I-10).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.records.rules import Actor, Kind, Phase, Retention, event_types

Shape = Mapping[str, Any]

_K = Kind

CALLS = frozenset({_K.AI_DISPATCH, _K.AI_RESULT, _K.AI_ERROR, _K.AI_CANCELLED})
"""A call of a model: before it, and what closes it."""
FOLLOWING = frozenset({_K.AI_MARKED, _K.HUMAN_REVIEW, _K.OUTPUT_SHARED, _K.OUTPUT_CONTESTED})
USES = CALLS | FOLLOWING | {_K.GATE_REFUSED}
"""Every kind about a use of AI (M of section 4)."""
MADE = USES | {_K.RUN_COMPUTED}
"""The same, and what rules made in its place."""
COMPLETED = frozenset({_K.AI_DISPATCH, _K.AI_RESULT})
"""What is known as a call leaves, and what completes it says again (G of section 4)."""
INPUTS = COMPLETED | {_K.RUN_COMPUTED}
INCIDENTS = frozenset({_K.INCIDENT_OPENED, _K.INCIDENT_CLOSED})
CONSENTS = frozenset(kind for kind in Kind if kind.startswith("consent."))
ALL = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a body."""

    name: str
    shape: Shape
    kinds: Collection[Kind]
    seen_at: str
    """The function that observes it, as a dotted path."""
    absent: str
    """What its absence says, as a clause."""


def _code(longest: int = 100) -> Shape:
    return {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._:/@+-]*$", "maxLength": longest}


def _one_of(*values: str) -> Shape:
    return {"type": "string", "enum": list(values)}


def _id(*prefixes: str) -> Shape:
    return {"type": "string", "pattern": rf"^(?:{'|'.join(prefixes)})_[0-9A-HJKMNP-TV-Z]{{26}}$"}


def _list(of: Shape, most: int = 100, least: int = 1) -> Shape:
    return {"type": "array", "items": of, "minItems": least, "maxItems": most}


def _object(required: Mapping[str, Shape], optional: Mapping[str, Shape] | None = None) -> Shape:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": sorted(required),
        "additionalProperties": False,
    }


def _integer(most: int = 2**53 - 1, least: int = 0) -> Shape:
    return {"type": "integer", "minimum": least, "maximum": most}


HEX64: Final = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
INSTANT: Final = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$",
}
_DATE: Final = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_DAY: Final = {"type": "string", "pattern": r"^\d{4}(-\d{2}(-\d{2})?)?$"}
_URI: Final = {"type": "string", "format": "uri", "maxLength": 300}
_TRUE_OR_FALSE: Final = {"type": "boolean"}
_REASON: Final = {"type": "string", "pattern": "^[a-z][a-z0-9_.-]*$", "maxLength": 60}
_COUNTS: Final = {
    "type": "object",
    "propertyNames": {"pattern": "^[A-Za-z][A-Za-z0-9_.-]{0,59}$"},
    "additionalProperties": _integer(),
    "maxProperties": 60,
}
_PARTY_ID = _code(60)
_PURPOSE = _REASON
_ORIGIN: Final = {"type": "string", "pattern": r"^[^\s+]+$", "maxLength": 200}
_KID: Final = {"type": "string", "pattern": "^[A-Za-z0-9_-]{1,200}$"}
_COUNTRY: Final = {"type": "string", "pattern": "^(?:[A-Z]{2}|EEA)$"}

_RECORDS = "gateway.records.rules._about_itself"
_CARD = "gateway.runs.facts.of_card"
_INSTALLED = "gateway.runs.facts.Installation.facts"
_ROWS = "gateway.runs.standing_facts.standing_facts"
_GATE = "gateway.gate.service.Gate._let_out"
_LOOKED = "gateway.gate.service._looked_at"
_DOCUMENT = "gateway.runs.facts.of_document"
_SOURCES = "gateway.runs.facts.Sources.facts"
_PLAN = "gateway.runs.facts.of_candidate"
_START = "gateway.runs.facts.of_start"
_END = "gateway.runs.facts.of_end"
_MARKS = "gateway.runs.marks.found"
_REPORT = "gateway.reports.facts.of_signed"
_REVIEWER = "gateway.runs.standing_facts.reviewer_facts"
_CONSENT = "gateway.consents.standing.Standing._record"
_ENDING = "gateway.consents.ending.Ending"
_KEYS = "gateway.operators.keys.SigningKeys._written"
_REFUSAL = "gateway.gate.refusals.Refusals._write"
_SHOWN = "gateway.disclosures.service.Disclosures._record"
_INCIDENT = "gateway.incidents.service.Incidents"
_DESTROYED = "gateway.destruction.steps.Steps"
_CONFIGURATION = "gateway.configuration.service.Configuration._record"
_HOLDS = "gateway.holds.service.Holds._record"
_SHARE = "gateway.shares.service._handed_over"
_CONTESTED = "gateway.contestations.service.Contestations._record"
_READ = "gateway.records.api._access"
_GENESIS = "gateway.records.service.Records.write_genesis"
_SUCCESSION = "gateway.log.service.Sequencer._begin_next"
_FIRST_LOG = "it is the first log of the installation"
_NO_LOG_HELD = "the database held no log: a copy of its checkpoint told of one"
_NOT_MEASURED = "nothing in the product measures it"
_OF_THE_USE = "the use of AI that it belongs to did not say, or its record was erased"

_ENVELOPE = (
    Field("schema_version", {"type": "string", "pattern": r"^\d+\.\d+\.\d+$"}, ALL, _RECORDS,
          "never"),
    Field("trace_id", {"type": "string", "pattern": "^[0-9a-f]{32}$"}, ALL, _RECORDS,
          "the worker or an operator's verb wrote it, of no request"),
    Field("event_type", _one_of(*sorted(event_types())), ALL, _RECORDS,
          "the kind has no other name"),
    Field("phase", _one_of(*Phase), USES, _RECORDS, "it is about no call of a model"),
    Field("actor_type", _one_of(*Actor), ALL, _RECORDS, "an operator acted, or nobody can say who"),
    Field("ended_at", INSTANT, CALLS, _END, "no last line of the router came"),
    Field("retention_class", _one_of(*Retention), ALL, _RECORDS, "never"),
    Field("erase_after", _DATE, ALL, _RECORDS, "it is kept under a legal hold"),
)  # fmt: skip

_WHO = (
    Field("system_id", _code(40), MADE, _CARD, _OF_THE_USE),
    Field("system_version", _code(40), MADE, _CARD, "the service did not tell its version"),
    Field("intended_purpose_ref", _URI, MADE, _CARD, _OF_THE_USE),
    Field("provider_party", _object({"party_id": _PARTY_ID, "role": {"const": "provider"}}), MADE,
          _INSTALLED, "the operator did not name one (`GATEWAY_PROVIDER_PARTY`)"),
    Field("deployer_party",
          _object({"party_id": _id("tnt"), "role": {"const": "deployer"}},
                  {"siren": {"type": "string", "pattern": "^[0-9]{9}$"}}),
          MADE, _ROWS, "the gate refused before it was read"),
    Field("model_provider", _code(60), COMPLETED, _PLAN,
          "the deployment's declaration does not name who made the model"),
    Field("bilan_phase", _one_of("preliminaire", "investigation", "conclusions", "suivi"), MADE,
          _ROWS, "the gate refused before it was read"),
)  # fmt: skip

_WHY = (
    Field("use_case_id", _code(60), MADE, _CARD, _OF_THE_USE),
    Field("use_case_version", _code(20), MADE, _CARD, _OF_THE_USE),
    Field("purpose_code", _PURPOSE, MADE, _LOOKED, "the refusal came before a purpose was known"),
    Field("legal_basis", _one_of("6.1.a", "6.1.b", "6.1.c", "6.1.f"), USES, _GATE,
          "the gate let nothing out"),
    Field("special_category_basis", _one_of("none", "9.2.a", "other"), USES, _GATE,
          "the gate let nothing out"),
    Field("consent_scopes_required", _list(_code(60)), USES, _LOOKED,
          "the refusal came before it was known what was asked"),
    Field("consent_scopes_present", _list(_code(60), least=0), USES, _LOOKED,
          "no consent was looked at"),
    Field("consent_checked_at", INSTANT, USES, _LOOKED, "no consent was looked at"),
    Field("necessity_code", _REASON, MADE, _CARD, _OF_THE_USE),
    Field("refusal_reason", _REASON, {_K.GATE_REFUSED}, _REFUSAL, "never"),
    Field("refusals_since_last", _integer(least=1), {_K.GATE_REFUSED}, _REFUSAL,
          "each refusal of this code so far has its record"),
    Field("fallback_reason", _REASON, {_K.RUN_COMPUTED}, "gateway.runs.service.Runs._perform",
          "it was asked for as computed"),
)  # fmt: skip

_INPUT = (
    Field("input_categories", _list(_code(40)), INPUTS, _GATE,
          "the call holds none, or no document was read"),
    Field("input_digest", HEX64, COMPLETED, "gateway.runs.assisted.Assisted._facts", "never"),
    Field("input_sources", _list(_one_of("cv", "notes", "tests", "questionnaire", "reference_data",
                                         "chat")), INPUTS, _SOURCES, "nothing was fetched"),
    Field("reference_data",
          _list(_object({"dataset": _code(40), "retrieved_at": _DAY},
                        {"version": _code(), "licence": _code(40)})),
          INPUTS, _SOURCES, "no answer of the labour-market service was used"),
    Field("special_categories_detected",
          _list(_one_of("sante", "handicap", "religion", "origine", "opinion", "syndicat",
                        "orientation", "penal"), least=0),
          COMPLETED, _DOCUMENT, "no document was read"),
    Field("special_categories_action",
          _one_of("none_found", "removed", "generalised", "kept_with_9_2_a", "blocked"),
          COMPLETED, _DOCUMENT, "no document was read, or what became of it has no such word"),
    Field("pseudonymisation_applied", _TRUE_OR_FALSE, INPUTS, _SOURCES,
          "the anonymizer did not say of every text that was used"),
    Field("pseudonymisation_profile", _code(60), COMPLETED, _DOCUMENT,
          "no document was read, or one from before it was noted"),
    Field("pseudonymisation_version", _code(60), COMPLETED, _DOCUMENT,
          "no document was read, or one from before it was noted"),
    Field("entity_counts", _COUNTS, COMPLETED, _DOCUMENT, "no document was read"),
)  # fmt: skip

_SYSTEM = (
    Field("operation",
          _one_of("chat", "text_completion", "embeddings", "rerank", "extraction"),
          {_K.AI_RESULT, _K.AI_ERROR}, _START, "the call did not begin"),
    Field("provider_name", {"type": "string", "pattern": "^rcp_[a-z0-9][a-z0-9-]*$",
                            "maxLength": 67}, COMPLETED | {_K.GATE_REFUSED}, _GATE,
          "no recipient was chosen yet"),
    Field("model_requested", _code(), COMPLETED, _PLAN, "its name is not of the shape of a code"),
    Field("model_returned", _code(), {_K.AI_RESULT}, _END,
          "the upstream did not say, or not as a code"),
    Field("deployment_id", _code(63), COMPLETED, _GATE, "never"),
    Field("prompt_template_id", _code(), {_K.AI_RESULT, _K.AI_ERROR}, _START,
          "the call did not begin"),
    Field("prompt_template_version", _code(20), {_K.AI_RESULT, _K.AI_ERROR}, _START,
          "the call did not begin"),
    Field("prompt_template_digest", HEX64, {_K.AI_RESULT, _K.AI_ERROR}, _START,
          "the call did not begin"),
    Field("parameters",
          _object({}, {"temperature": {"type": "string", "pattern": r"^\d(\.\d+)?$"},
                       "max_tokens": _integer(), "seed": _integer()}),
          {_K.AI_RESULT, _K.AI_ERROR}, _START, "the call did not begin"),
    Field("usage_input_tokens", _integer(), {_K.AI_RESULT}, _END, "the upstream did not say"),
    Field("usage_output_tokens", _integer(), {_K.AI_RESULT}, _END, "the upstream did not say"),
    Field("finish_reason", _one_of("stop", "length", "content_filter", "tool_calls", "other"),
          {_K.AI_RESULT}, _END, "the upstream did not say"),
    Field("routing_decision", _one_of("local", "eu", "third_country", "refused"), USES, _PLAN,
          _OF_THE_USE),
    Field("rejected_candidates", _list(_object({"deployment": _code(63), "reason": _REASON}), 200,
                                       least=0), COMPLETED, "gateway.runs.facts.passed_over",
          "never"),
    Field("processing_location", _list(_COUNTRY), COMPLETED, _GATE, "the plan named none"),
    Field("transfer_mechanism", _one_of("none", "adequacy", "adequacy_dpf", "scc_2021_914", "bcr",
                                        "art49_1_a"), COMPLETED, _PLAN, "the plan did not say"),
    Field("provider_retention_code", _code(60), COMPLETED, _PLAN,
          "the deployment's declaration does not say"),
    Field("provider_training_use", _TRUE_OR_FALSE, COMPLETED, _PLAN,
          "the deployment's declaration does not say"),
    Field("reason", _REASON,
          {_K.AI_ERROR, _K.AI_CANCELLED, _K.BILAN_DESTROYED, _K.SUBJECT_ERASED, _K.KEY_ROTATED,
           _K.LOG_GENESIS},
          "gateway.runs.facts.of_failure",
          "it is the first log of the installation, or nobody said why the log's key changed"),
    Field("retryable", _TRUE_OR_FALSE, {_K.AI_ERROR}, "gateway.runs.facts.of_failure",
          "the router did not say"),
)  # fmt: skip

_OUTPUT = (
    Field("output_kind", _one_of("structured", "text", "document"),
          {_K.AI_RESULT, _K.RUN_COMPUTED, _K.AI_MARKED}, _END, "the answer was not of a shape"),
    Field("output_digest", HEX64, {_K.AI_RESULT, _K.RUN_COMPUTED},
          "gateway.runs.service.Runs._finish", "never"),
    Field("output_schema_id", _code(), {_K.AI_RESULT, _K.RUN_COMPUTED}, _END,
          "the router did not name it"),
    Field("schema_valid", _TRUE_OR_FALSE, {_K.AI_RESULT}, _END, "nobody checked"),
    Field("repaired", _TRUE_OR_FALSE, {_K.AI_RESULT}, _END, "the router did not say"),
    Field("evidence_coverage", _integer(100), {_K.AI_RESULT}, _END, "the output makes no claims"),
    Field("guardrail_results",
          _list(_object({"name": _code(60), "version": _code(), "fired": _TRUE_OR_FALSE}), 20,
                least=0), {_K.AI_RESULT}, _END, "the router did not say"),
    Field("automated_decision", {"const": False}, {_K.AI_RESULT, _K.RUN_COMPUTED},
          "gateway.runs.assisted.result_facts", "never; no other value is possible"),
)  # fmt: skip

_MARKING = (
    Field("marking_applied",
          _list(_object({
              "technique": _one_of("signed_metadata", "c2pa_manifest", "xmp_digital_source_type",
                                   "text_watermark", "visible_notice", "http_header", "json_field",
                                   "document_property"),
              "layer": _code(40), "version": _code(20), "verified": _TRUE_OR_FALSE}), 20),
          {_K.AI_MARKED}, _MARKS, "no mark was found on what left"),
    Field("digital_source_type",
          _one_of("trainedAlgorithmicMedia", "compositeWithTrainedAlgorithmicMedia", "humanEdits",
                  "digitalCreation"), {_K.AI_MARKED}, _MARKS, "the mark does not say"),
    Field("marking_exemption",
          _one_of("none", "assistive_standard_editing", "no_substantial_alteration",
                  "short_sequence", "machine_to_machine"), {_K.AI_MARKED}, _MARKS,
          "no mark was found on what left"),
    Field("visible_label", _one_of("ai_generated", "ai_assisted_human_reviewed", "none"),
          {_K.AI_MARKED}, _MARKS, "what left bears no label"),
    Field("sections",
          _list(_object({"section_id": _code(60),
                         "contribution": _one_of("humain", "ia_relue", "ia_non_relue")}), 60),
          {_K.AI_MARKED}, _REPORT, "it is no document"),
    Field("rests_on", _list(_id("rec"), 60), {_K.AI_MARKED}, _REPORT,
          "no use of AI stands behind it, or it is no document"),
    Field("report", _id("rep"), {_K.AI_MARKED, _K.HUMAN_REVIEW, _K.OUTPUT_SHARED},
          "gateway.reports.service.Reports.sign_off", "it is about a run"),
    Field("version", _integer(10_000, 1), {_K.AI_MARKED, _K.OUTPUT_SHARED}, _REPORT,
          "it is about a run"),
    Field("section", _code(60), {_K.HUMAN_REVIEW}, "gateway.reports.service.Reports.review",
          "it is about a run"),
)  # fmt: skip

_TELLING = (
    Field("disclosure_id", _code(60), {_K.DISCLOSURE_SHOWN}, _SHOWN, "never"),
    Field("disclosure_version", _code(40), {_K.DISCLOSURE_SHOWN}, _SHOWN,
          "never"),
    Field("language", {"type": "string", "pattern": "^[a-z]{2}$"}, {_K.DISCLOSURE_SHOWN},
          _SHOWN, "never"),
    Field("disclosure_audience", _one_of("beneficiaire", "conseiller", "representants_personnel"),
          {_K.DISCLOSURE_SHOWN}, _SHOWN, "never"),
    Field("disclosure_channel", _one_of("api_field", "ui_banner", "document", "voice", "oral"),
          {_K.DISCLOSURE_SHOWN}, _SHOWN, "never"),
    Field("disclosure_moment", _one_of("before_first_interaction", "at_exposure", "late"),
          {_K.DISCLOSURE_SHOWN}, _SHOWN, "never"),
    Field("acknowledged_at", INSTANT, {_K.DISCLOSURE_SHOWN}, _SHOWN,
          "nobody confirmed it"),
    Field("accessibility_profile", _one_of("standard", "falc", "lecteur_ecran"),
          {_K.DISCLOSURE_SHOWN}, _SHOWN, "nobody said"),
)  # fmt: skip

_OVERSIGHT = (
    Field("oversight_level", _one_of("H0", "H1", "H2", "H3"), MADE, _CARD, _OF_THE_USE),
    Field("reviewer_ref", _id("usr"), {_K.HUMAN_REVIEW}, _REVIEWER, "nobody was named"),
    Field("reviewer_role", _one_of("conseiller"), {_K.HUMAN_REVIEW}, _REVIEWER,
          "nobody was named"),
    Field("reviewer_training_ref", _code(60), {_K.HUMAN_REVIEW}, _REVIEWER,
          "no training on AI of theirs is recorded that was valid that day"),
    Field("review_decision",
          _one_of("accepted", "accepted_modified", "rejected", "escalated", "stopped"),
          {_K.HUMAN_REVIEW}, "gateway.runs.service.Runs.review", "never"),
    Field("review_reason", _REASON, {_K.HUMAN_REVIEW}, "gateway.runs.service.Runs.review",
          "never"),
    Field("edit_ratio", _integer(100), {_K.HUMAN_REVIEW}, "gateway.reports.facts.of_review",
          "a whole run was decided on, or a passage rejected"),
    Field("review_duration_s", _integer(), {_K.HUMAN_REVIEW}, "gateway.runs.service._seconds",
          "a passage of a report was decided on"),
    Field("released_at", INSTANT, {_K.AI_MARKED}, _REPORT, "it is no signed document"),
)  # fmt: skip

_RIGHTS = (
    Field("recipient_class", _one_of("beneficiaire", "cep", "employeur", "financeur", "autre"),
          {_K.OUTPUT_SHARED}, _SHARE, "never"),
    Field("share_scope", _one_of("signed_synthesis"), {_K.OUTPUT_SHARED}, _SHARE, "never"),
    Field("share_consent_record_id", _id("shr"), {_K.OUTPUT_SHARED}, _SHARE, "never"),
    Field("right_exercised", _one_of("15", "16", "17", "18", "20", "21", "22_3", "aia_86"),
          {_K.OUTPUT_CONTESTED, _K.LOG_ACCESSED}, _CONTESTED,
          "no right of the person was exercised"),
    Field("contested_record", _id("rec"), {_K.OUTPUT_CONTESTED}, _CONTESTED, "never"),
    Field("contested_by", _one_of("beneficiary"), {_K.OUTPUT_CONTESTED}, _CONTESTED, "never"),
    Field("method", _code(40), CONSENTS | {_K.OUTPUT_CONTESTED}, _ENDING,
          "a call of the centre's software, or nobody came in"),
)  # fmt: skip

_CLASSES = (
    Field("risk_class",
          _one_of("prohibited_blocked", "high_risk_annex_iii", "art50_transparency", "minimal"),
          MADE, _CARD, _OF_THE_USE),
    Field("classification_record_ref", _URI, MADE, _INSTALLED,
          "the operator did not name it (`GATEWAY_CLASSIFICATION_RECORD`)"),
    Field("dpia_ref", _URI, MADE, _INSTALLED, "the operator did not name it (`GATEWAY_DPIA`)"),
    Field("ropa_ref", _URI, MADE, _INSTALLED, "the operator did not name it (`GATEWAY_ROPA`)"),
)  # fmt: skip

_OF_CONSENTS = (
    Field("notice_version", _code(40), CONSENTS, _CONSENT, "never"),
    Field("notice_sha256", HEX64, CONSENTS, _CONSENT, "never"),
    Field("purposes",
          {"type": "object", "propertyNames": {"pattern": "^[a-z_]{1,40}$"}, "maxProperties": 20,
           "additionalProperties": _one_of("asked", "granted", "refused", "withdrawn",
                                           "superseded")}, CONSENTS, _CONSENT, "never"),
    Field("expired_at", INSTANT, {_K.CONSENT_EXPIRED}, "gateway.consents.standing.Standing._expire",
          "never"),
    Field("withdrawn_by", _one_of("beneficiary", "tenant", "counsellor", "operator"),
          {_K.CONSENT_REVOKED, _K.CONSENT_NARROWED}, _ENDING, "it was shortened or replaced"),
    Field("withdrawn_purposes", _list(_PURPOSE, 20), {_K.CONSENT_NARROWED}, _ENDING,
          "it was shortened or replaced"),
    Field("end_reason", _REASON, {_K.CONSENT_REVOKED}, _ENDING, "never"),
    Field("superseded_by", _id("cns"), {_K.CONSENT_SUPERSEDED, _K.CONSENT_NARROWED}, _ENDING,
          "no other consent replaced it"),
    Field("superseded_purposes", _list(_PURPOSE, 20), {_K.CONSENT_SUPERSEDED, _K.CONSENT_NARROWED},
          _ENDING, "no other consent replaced it"),
    Field("shortened_by", _one_of("beneficiary", "tenant", "counsellor"), {_K.CONSENT_NARROWED},
          _ENDING, "its end was not moved"),
    Field("expires_at", INSTANT, {_K.CONSENT_NARROWED}, _ENDING, "its end was not moved"),
)  # fmt: skip

_OF_THE_INSTALLATION = (
    Field("origin", _ORIGIN, {_K.LOG_GENESIS}, _GENESIS, "never"),
    Field("previous_origin", _ORIGIN, {_K.LOG_GENESIS}, _SUCCESSION, _FIRST_LOG),
    Field("previous_size", _integer(), {_K.LOG_GENESIS}, _SUCCESSION, _FIRST_LOG),
    Field("previous_root", HEX64, {_K.LOG_GENESIS}, _SUCCESSION, _FIRST_LOG),
    Field("held_origin", _ORIGIN, {_K.LOG_GENESIS}, _SUCCESSION, _NO_LOG_HELD),
    Field("held_size", _integer(), {_K.LOG_GENESIS}, _SUCCESSION, _NO_LOG_HELD),
    Field("use", _code(40), {_K.KEY_ROTATED}, _KEYS, "never"),
    Field("step", _code(40), {_K.KEY_ROTATED}, _KEYS, "never"),
    Field("kid_old", _KID, {_K.KEY_ROTATED}, _KEYS, "there was no key before"),
    Field("kid_new", _KID, {_K.KEY_ROTATED}, _KEYS, "none took its place"),
    Field("query_class", _code(40), {_K.LOG_ACCESSED}, _READ, "never"),
    Field("returned", _integer(), {_K.LOG_ACCESSED}, _READ, "it is not known how many"),
    Field("component", _code(120), {_K.SYSTEM_CONFIG}, _CONFIGURATION, "it is about a legal hold"),
    Field("version_old", _code(60), {_K.SYSTEM_CONFIG}, _CONFIGURATION,
          "it was not there before, or has a digest alone"),
    Field("version_new", _code(60), {_K.SYSTEM_CONFIG}, _CONFIGURATION,
          "it is gone, or has a digest alone"),
    Field("digest_old", HEX64, {_K.SYSTEM_CONFIG}, _CONFIGURATION, "it was not there before"),
    Field("digest_new", HEX64, {_K.SYSTEM_CONFIG}, _CONFIGURATION, "it is gone"),
    Field("access_purpose", _REASON, {_K.LOG_ACCESSED},
          "gateway.gate.admissions.Admissions._record_reading",
          "records were read, and no content"),
    Field("incident", _id("inc"), INCIDENTS, _INCIDENT, "never"),
    Field("incident_class",
          _one_of("breach_33", "serious_incident_73", "forbidden_use_5", "leak_special_category",
                  "disclosure_late", "chain_broken"), INCIDENTS, _INCIDENT, "never"),
    Field("incident_deadline_at", INSTANT, {_K.INCIDENT_OPENED}, _INCIDENT,
          "the class has no deadline"),
    Field("incident_outcome", _REASON, {_K.INCIDENT_CLOSED}, _INCIDENT, "never"),
    Field("destroyed", _COUNTS, {_K.BILAN_DESTROYED, _K.SUBJECT_ERASED}, _DESTROYED,
          "the end of retention emptied the records one by one"),
    Field("acknowledged",
          {"type": "object", "propertyNames": {"pattern": "^[a-z][a-z_-]{0,39}$"},
           "maxProperties": 20, "additionalProperties": _COUNTS}, {_K.BILAN_DESTROYED},
          _DESTROYED, "never"),
    Field("agreements_kept", _integer(1000), {_K.BILAN_DESTROYED}, _DESTROYED, "never"),
    Field("change", _code(40), {_K.SYSTEM_CONFIG}, _HOLDS, "a component changed, and no hold"),
    Field("legal_hold", _id("hld"), {_K.SYSTEM_CONFIG}, _HOLDS, "it is about no legal hold"),
    Field("legal_hold_reason", _REASON, {_K.SYSTEM_CONFIG}, _HOLDS, "it is about no legal hold"),
    Field("legal_hold_until", INSTANT, {_K.SYSTEM_CONFIG}, _HOLDS, "it is about no legal hold"),
)  # fmt: skip

FIELDS: tuple[Field, ...] = (
    *_ENVELOPE, *_WHO, *_WHY, *_INPUT, *_SYSTEM, *_OUTPUT, *_MARKING, *_TELLING, *_OVERSIGHT,
    *_RIGHTS, *_CLASSES, *_OF_CONSENTS, *_OF_THE_INSTALLATION,
)  # fmt: skip

UNOBSERVED: Mapping[str, str] = {
    "signature": "the checkpoint signs every record; none is signed by itself",
    "actor_ref": "the envelope's `act` and `client` say it",
    "integration_client_id": "the envelope's `client` says it",
    "beneficiary_ref": "the envelope's `beneficiary` says it",
    "bilan_ref": "the envelope's `bilan` says it",
    "consent_record_id": "the envelope's `consent.id` says it",
    "consent_version": "the envelope's `consent.epoch` says it",
    "residual_risk_flag": _NOT_MEASURED,
    "model_digest": "no upstream tells one; `deployment_id` names what was configured",
    "uncertainty_code": _NOT_MEASURED,
    "profiling": "no card of the catalogue says it yet",
    "detector_ref": "no published detector is named by the marks",
}
"""Fields of `transparency-record.md` section 4 that no body carries, and why."""


def of_kind(kind: Kind) -> dict[str, Shape]:
    """Return the fields that a body of one kind may carry, with their shapes."""
    return {field.name: field.shape for field in FIELDS if kind in field.kinds}
