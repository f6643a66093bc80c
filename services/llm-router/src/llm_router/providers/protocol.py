"""What an attempt asks of any provider, and every way in which one can fail."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, Protocol

from llm_router.catalogue.prompts import Message, Parameters
from llm_router.deployments.rules import Deployment


class FailureCode(StrEnum):
    """Why an attempt came to nothing. Published: the gateway branches on it."""

    BREAKER_OPEN = "breaker_open"
    CONNECTION_FAILED = "connection_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    FIRST_TOKEN_TIMEOUT = "first_token_timeout"  # noqa: S105 - a token of text
    STALLED = "stalled"
    DEADLINE_EXCEEDED = "deadline_exceeded"
    RATE_LIMITED = "rate_limited"
    UPSTREAM_ERROR = "upstream_error"
    UPSTREAM_REFUSED = "upstream_refused"
    CREDENTIALS_REFUSED = "credentials_refused"
    REDIRECT_REFUSED = "redirect_refused"
    ADDRESS_NOT_PRIVATE = "address_not_private"
    WRONG_CONTENT_TYPE = "wrong_content_type"
    GARBLED_STREAM = "garbled_stream"
    TRUNCATED_STREAM = "truncated_stream"
    ANSWER_TOO_LARGE = "answer_too_large"
    ANSWER_CUT = "answer_cut"
    MODEL_DECLINED = "model_declined"
    WIRE_COPY_FAILED = "wire_copy_failed"
    OUTPUT_INVALID = "output_invalid"


_MAY_PASS = frozenset(
    {
        FailureCode.BREAKER_OPEN,
        FailureCode.CONNECTION_FAILED,
        FailureCode.CONNECT_TIMEOUT,
        FailureCode.FIRST_TOKEN_TIMEOUT,
        FailureCode.STALLED,
        FailureCode.RATE_LIMITED,
        FailureCode.UPSTREAM_ERROR,
        FailureCode.WRONG_CONTENT_TYPE,
        FailureCode.GARBLED_STREAM,
        FailureCode.TRUNCATED_STREAM,
    }
)


class AttemptFailed(Exception):  # noqa: N818 - an outcome that the stream reports
    """An upstream did not do its part; `detail` is ours and quotes nothing of it.

    An upstream's own words stay out: error texts of model servers quote the prompt.
    """

    def __init__(self, code: FailureCode, detail: str, *, retry_after_s: int | None = None) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s

    @property
    def may_pass(self) -> bool:
        """Whether the same call, there or elsewhere, may succeed a little later."""
        return self.code in _MAY_PASS


@dataclass(frozen=True, slots=True)
class StructuredShape:
    """The JSON Schema asked for; `name` is what upstreams accept (letters, digits, `_`, `-`)."""

    name: str
    schema: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class ChatCall:
    """One chat completion to ask for, to be over at `until` (the event loop's own clock)."""

    deployment: Deployment
    messages: Sequence[Message]
    parameters: Parameters
    until: float
    shape: StructuredShape | None = None
    operation: Literal["chat"] = "chat"


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Some more of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The end of an answer, as the upstream tells it; what it does not tell is None."""

    finish_reason: str | None
    model: str | None
    input_tokens: int | None
    output_tokens: int | None


class Provider(Protocol):
    """Serves chat completions as a stream."""

    def streamed(self, call: ChatCall) -> AsyncGenerator[TextDelta | Finished]:
        """Yield the answer's parts, then exactly one `Finished`.

        Closing the generator ends the call upstream at once.

        Raises:
            AttemptFailed: the upstream did not do its part.
        """
        ...
