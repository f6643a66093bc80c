"""What an attempt tells while it goes on: values, one a line of the stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llm_router.catalogue.prompts import Parameters, PromptIdentity
from llm_router.providers.protocol import AttemptFailed, FailureCode


@dataclass(frozen=True, slots=True)
class Started:
    """The call is about to leave."""

    model_requested: str
    operation: str
    prompt: PromptIdentity
    parameters: Parameters
    type: Literal["started"] = "started"


@dataclass(frozen=True, slots=True)
class Delta:
    """Some more of the answer, as the model wrote it."""

    text: str
    type: Literal["delta"] = "delta"


@dataclass(frozen=True, slots=True)
class Restart:
    """The first answer was not of the shape asked for: its deltas are void, a second follows."""

    prompt: PromptIdentity
    type: Literal["restart"] = "restart"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of all tries, where the upstream told them."""

    input_tokens: int | None = None
    output_tokens: int | None = None

    def plus(self, input_tokens: int | None, output_tokens: int | None) -> "Usage":
        """Return the sum; what one side does not know, the other tells alone."""
        return Usage(_sum(self.input_tokens, input_tokens), _sum(self.output_tokens, output_tokens))


def _sum(one: int | None, other: int | None) -> int | None:
    return (one or 0) + (other or 0) if (one, other) != (None, None) else None


@dataclass(frozen=True, slots=True)
class Guardrail:
    """A check of ours on an answer, and whether it found something to mend."""

    name: str
    version: str
    fired: bool


@dataclass(frozen=True, slots=True)
class Completed:
    """The end of an attempt that held.

    `text_digestable` is the accepted answer to the letter: the deltas since the last restart,
    joined. `unproved` counts the claims marked as hypothesis.
    """

    output: Mapping[str, object]
    text_digestable: str
    finish_reason: str | None
    model_returned: str | None
    usage: Usage
    schema_id: str
    repaired: bool
    evidence_coverage: int | None
    unproved: int
    guardrails: tuple[Guardrail, ...] = ()
    schema_valid: Literal[True] = True
    type: Literal["completed"] = "completed"


@dataclass(frozen=True, slots=True)
class Failed:
    """The end of an attempt that came to nothing.

    `retryable`: nothing of an answer was passed on yet, and another attempt, through the gate
    again, may succeed.
    """

    code: FailureCode
    retryable: bool
    detail: str
    retry_after_s: int | None = None
    type: Literal["failed"] = "failed"


Event = Started | Delta | Restart | Completed | Failed


def failed(failure: AttemptFailed, *, has_begun: bool) -> Failed:
    """Return how a failure reads, given whether some text was passed on before it."""
    return Failed(
        code=failure.code,
        retryable=failure.may_pass and not has_begun,
        detail=failure.detail,
        retry_after_s=failure.retry_after_s,
    )


@dataclass(slots=True)
class Heard:
    """What one try has said so far."""

    parts: list[str] = field(default_factory=list)
    characters: int = 0

    def add(self, text: str) -> None:
        """Keep some more of it."""
        self.parts.append(text)
        self.characters += len(text)

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.parts)
