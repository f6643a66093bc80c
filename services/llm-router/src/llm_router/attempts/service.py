"""The verb of attempts: admit, render, stream, check, repair once."""

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from jsonschema import Draft202012Validator

from llm_router.attempts.answers import InvalidAnswer, checked
from llm_router.attempts.breakers import Breakers
from llm_router.attempts.closed_lists import closed, with_own_labels
from llm_router.attempts.evidence import Source, proved, sources
from llm_router.attempts.rules import (
    Completed,
    Delta,
    Event,
    Failed,
    Guardrail,
    Heard,
    Restart,
    Started,
    Usage,
    failed,
)
from llm_router.catalogue.prompts import Message
from llm_router.catalogue.rules import Assistance, DataCategory, Mode, Schema, UseCase
from llm_router.catalogue.service import UseCases
from llm_router.deployments.rules import Deployment
from llm_router.deployments.service import Deployments
from llm_router.planning.rules import Request, rejection
from llm_router.problems import (
    DeploymentNotAdmitted,
    InvalidInputs,
    NotAssisted,
    RouteRefused,
)
from llm_router.providers.protocol import (
    AttemptFailed,
    ChatCall,
    FailureCode,
    Finished,
    Provider,
    StructuredShape,
)

_MAX_ANSWER_CHARACTERS = 400_000
_MAX_REPAIRED_CHARACTERS = 40_000
_MOST_WRONG_INPUTS = 10

# What says something of an upstream's health; a wrong answer or a wrong key does not.
_ILLNESS = frozenset(
    {
        FailureCode.CONNECTION_FAILED,
        FailureCode.CONNECT_TIMEOUT,
        FailureCode.FIRST_TOKEN_TIMEOUT,
        FailureCode.STALLED,
        FailureCode.UPSTREAM_ERROR,
        FailureCode.GARBLED_STREAM,
        FailureCode.TRUNCATED_STREAM,
        FailureCode.WRONG_CONTENT_TYPE,
    }
)


@dataclass(frozen=True, slots=True)
class Cover:
    """What the pass of one attempt covers; this service can only be stricter."""

    deployment: object
    recipient: object
    purpose: str | None
    data_categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Task:
    """An admitted attempt, ready to leave."""

    use_case: UseCase
    assistance: Assistance
    deployment: Deployment
    inputs: Mapping[str, Any]
    deadline: timedelta


@dataclass(slots=True)
class _Try:
    """One call of a task and what came of it."""

    call: ChatCall
    heard: Heard = field(default_factory=Heard)
    end: Finished | None = None


@dataclass(frozen=True, slots=True)
class Attempts:
    """Runs attempts; keeps nothing of them but the health of upstreams."""

    use_cases: UseCases
    deployments: Deployments
    provider: Provider
    breakers: Breakers
    dpf_accepted: bool

    def admitted(
        self,
        *,
        deployment: str,
        use_case: str,
        inputs: Mapping[str, Any],
        deadline: timedelta,
        cover: Cover,
    ) -> Task:
        """Check everything that can be checked before anybody is called.

        Raises:
            UnknownUseCase, UnknownDeployment: there is none of this name.
            NotAssisted: rules do this use case.
            DeploymentNotAdmitted: the pass is for something else.
            InvalidInputs: they are not those of the use case.
            RouteRefused: the rules forbid it, whatever the pass says.
        """
        asked = self.use_cases.named(use_case)
        target = self.deployments.named(deployment)
        if asked.assistance is None:
            raise NotAssisted("Ask the gateway for a run in mode computed.")
        _check_cover(cover, asked, target)
        given = {name: value for name, value in inputs.items() if value is not None}
        _check_inputs(given, asked.assistance.inputs)
        self._check_route(cover, asked, target, given)
        return Task(asked, asked.assistance, target, given, deadline)

    def _check_route(
        self, cover: Cover, use_case: UseCase, deployment: Deployment, inputs: Mapping[str, Any]
    ) -> None:
        request = Request(
            use_case=use_case,
            data_categories=_categories(cover, use_case),
            input_characters=sum(len(str(value)) for value in inputs.values()),
            allowed_recipients=frozenset({deployment.recipient.id}),
            dpf_accepted=self.dpf_accepted,
        )
        if (reason := rejection(request, deployment)) is not None:
            raise RouteRefused(
                "Ask for a plan; only its candidates may be tried.", members={"reason": reason}
            )

    async def events(self, task: Task) -> AsyncGenerator[Event]:
        """Yield what happens, ending with exactly one `Completed` or `Failed`.

        Closing the generator ends the call upstream.
        """
        name = task.deployment.id
        if (wait_s := self.breakers.wait_s(name)) is not None:
            yield _resting(wait_s)
            return
        has_begun = is_known = False
        try:
            async with aclosing(self._tries(task)) as events:
                async for event in events:
                    has_begun = has_begun or isinstance(event, Delta)
                    if isinstance(event, Completed):
                        self.breakers.succeeded(name)
                        is_known = True
                    yield event
        except AttemptFailed as failure:
            is_known = True
            self._note(name, failure.code)
            yield failed(failure, has_begun=has_begun)
        finally:
            if not is_known:
                self.breakers.abandoned(name)

    def _note(self, deployment: str, code: FailureCode) -> None:
        if code in _ILLNESS:
            self.breakers.failed(deployment)
        elif code in {FailureCode.OUTPUT_INVALID, FailureCode.ANSWER_CUT}:
            self.breakers.succeeded(deployment)
        else:
            self.breakers.abandoned(deployment)

    async def _tries(self, task: Task) -> AsyncGenerator[Event]:
        assistance = task.assistance
        shape = closed(assistance.answer.document, task.inputs)
        first = _Try(_first_call(task, shape))
        yield Started(
            model_requested=task.deployment.model,
            operation=first.call.operation,
            prompt=assistance.prompt.identity,
            parameters=assistance.prompt.parameters,
        )
        async for event in self._said(first):
            yield event
        try:
            yield _completed(task, shape, [first])
        except InvalidAnswer as invalid:
            faults = invalid.faults
        else:
            return
        second = _Try(_repair_call(task, first, faults))
        yield Restart(prompt=assistance.repair.identity)
        async for event in self._said(second):
            yield event
        try:
            yield _completed(task, shape, [first, second])
        except InvalidAnswer:
            raise AttemptFailed(
                FailureCode.OUTPUT_INVALID, "The answer was not of the shape asked for, twice."
            ) from None

    async def _said(self, attempt: _Try) -> AsyncGenerator[Delta]:
        async with aclosing(self.provider.streamed(attempt.call)) as parts:
            async for part in parts:
                if isinstance(part, Finished):
                    attempt.end = part
                    continue
                attempt.heard.add(part.text)
                if attempt.heard.characters > _MAX_ANSWER_CHARACTERS:
                    raise AttemptFailed(FailureCode.ANSWER_TOO_LARGE, "The answer does not end.")
                yield Delta(part.text)
        _refuse_unfinished(attempt.end)


def _check_cover(cover: Cover, use_case: UseCase, deployment: Deployment) -> None:
    covered = (cover.deployment, cover.recipient, cover.purpose)
    if covered != (deployment.id, deployment.recipient.id, use_case.purpose):
        raise DeploymentNotAdmitted(
            "Pass the gate for this deployment, recipient and purpose; then try again."
        )


def _categories(cover: Cover, use_case: UseCase) -> frozenset[DataCategory]:
    """Return what the pass says the data are; nothing said means everything."""
    if not cover.data_categories:
        return frozenset(DataCategory) if use_case.data_categories else frozenset()
    try:
        return frozenset(map(DataCategory, cover.data_categories))
    except ValueError:
        raise DeploymentNotAdmitted("The pass names a data category that is unknown.") from None


def _check_inputs(inputs: Mapping[str, Any], schema: Schema) -> None:
    faults = list(Draft202012Validator(schema.document).iter_errors(inputs))
    if faults:
        wrong = [
            {"at": "/" + "/".join(str(part)[:60] for part in f.absolute_path), "why": f.validator}
            for f in faults[:_MOST_WRONG_INPUTS]
        ]
        raise InvalidInputs(
            f"The inputs follow the schema {schema.id}; `errors` says where they do not.",
            members={"errors": wrong},
        )


def _first_call(task: Task, shape: Mapping[str, object]) -> ChatCall:
    prompt = task.assistance.prompt
    whole = min(task.deadline, task.deployment.timeouts.whole)
    return ChatCall(
        deployment=task.deployment,
        messages=prompt.rendered(task.inputs, schema=shape),
        parameters=prompt.parameters,
        until=asyncio.get_running_loop().time() + whole.total_seconds(),
        shape=StructuredShape(name=task.assistance.answer.id.replace(".", "_"), schema=shape),
    )


def _repair_call(task: Task, first: _Try, faults: Iterable[str]) -> ChatCall:
    call, repair = first.call, task.assistance.repair
    asked = repair.rendered({"faults": "\n".join(faults)}, schema={})
    answered = Message(role="assistant", content=first.heard.text[:_MAX_REPAIRED_CHARACTERS])
    return ChatCall(
        deployment=call.deployment,
        messages=(*call.messages, answered, *asked),
        parameters=repair.parameters,
        until=call.until,
        shape=call.shape,
    )


def _completed(task: Task, shape: Mapping[str, object], tries: list[_Try]) -> Completed:
    """Return the end of an attempt that held.

    Raises:
        InvalidAnswer: the last answer is not of the shape asked for.
    """
    last, assistance = tries[-1], task.assistance
    answer = checked(last.heard.text, shape)
    labelled = with_own_labels(answer, assistance.answer.document, task.inputs)
    result = proved(labelled, _quotable(task))
    output = task.use_case.outputs[Mode.ASSISTED]
    usage = Usage()
    for attempt in tries:
        if attempt.end is not None:
            usage = usage.plus(attempt.end.input_tokens, attempt.end.output_tokens)
    _keep_promise(result.output, output)
    return Completed(
        output=result.output,
        text_digestable=last.heard.text,
        finish_reason=last.end.finish_reason if last.end else None,
        model_returned=last.end.model if last.end else None,
        usage=usage,
        schema_id=output.id,
        repaired=len(tries) > 1,
        evidence_coverage=result.coverage,
        unproved=result.unproved,
        guardrails=_guardrails(task, repaired=len(tries) > 1, unproved=result.unproved),
    )


def _guardrails(task: Task, *, repaired: bool, unproved: int) -> tuple[Guardrail, ...]:
    """Return what was checked of an answer: its shape, and that its quotes are in the inputs."""
    answer, output = task.assistance.answer.id, task.use_case.outputs[Mode.ASSISTED].id
    return (
        Guardrail("answer_shape", answer, repaired),
        Guardrail("proved_quotes", output, unproved > 0),
    )


def _keep_promise(output: Mapping[str, object], schema: Schema) -> None:
    # What we promise is checked as well as what we are given.
    if not Draft202012Validator(schema.document).is_valid(output):
        raise AttemptFailed(
            FailureCode.OUTPUT_INVALID, f"The checked answer does not follow {schema.id}."
        )


def _quotable(task: Task) -> list[Source]:
    return sources(task.inputs, task.assistance.inputs.document)


def _refuse_unfinished(end: Finished | None) -> None:
    reason = end.finish_reason if end else None
    if reason == "length":
        raise AttemptFailed(
            FailureCode.ANSWER_CUT, "The model stopped at its limit of tokens, mid-answer."
        )
    if reason == "content_filter":
        raise AttemptFailed(FailureCode.MODEL_DECLINED, "A filter of the model's server cut in.")


def _resting(wait_s: int) -> Failed:
    return Failed(
        code=FailureCode.BREAKER_OPEN,
        retryable=True,
        detail="This deployment failed several times in a row and is left alone for a moment.",
        retry_after_s=wait_s,
    )
