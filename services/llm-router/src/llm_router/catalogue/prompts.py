"""Prompts: versioned files with a head, a digest, strict variables and delimited data.

A file begins with a head in TOML between two lines `+++`; then come the messages, each opened by
a line `@system`, `@user` or `@repair`. Only `Prompt.rendered` makes messages.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal

from jinja2 import Environment, StrictUndefined, Template, TemplateError, meta

from llm_router.catalogue.neutral import neutralised, neutralised_json

Role = Literal["system", "user", "assistant"]

# Names that the renderer itself fills in, beside the inputs.
OWN_NAMES = frozenset({"delimiter", "schema"})

_SECTION = re.compile(r"^@(system|user)[ \t]*$", re.MULTILINE)
_TEMPERATURE_BOUND = 2


class PromptRefused(ValueError):  # noqa: N818 - a start that is refused
    """A prompt file is wrong; the message says where. The service does not start with it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a chat."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class PromptIdentity:
    """What a record keeps of a prompt; `digest` is SHA-256 of the file's bytes, in hex."""

    id: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """How a model is asked to sample. The temperature is text: records hold no floats."""

    temperature: str
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of a prompt."""

    identity: PromptIdentity
    purpose: str
    language: str
    variables: frozenset[str]
    optional_variables: frozenset[str]
    parameters: Parameters
    characters: int
    sections: tuple[tuple[Role, Template], ...] = field(repr=False)

    def rendered(
        self, inputs: Mapping[str, object], *, schema: Mapping[str, object]
    ) -> tuple[Message, ...]:
        """Return the messages, each input inside a delimited block that it cannot close.

        Raises:
            PromptRefused: an input is missing or was never declared.
        """
        missing = self.variables - inputs.keys()
        unknown = inputs.keys() - self.variables - self.optional_variables
        if missing or unknown:
            raise PromptRefused(f"missing: {sorted(missing)}; unknown: {sorted(unknown)}")
        delimiter = _delimiter(inputs)
        blocks = dict.fromkeys(self.optional_variables, "")
        blocks |= {name: _block(name, inputs[name], delimiter) for name in inputs}
        own = {
            "delimiter": delimiter,
            "schema": json.dumps(schema, ensure_ascii=False, separators=(",", ":")),
        }
        return tuple(
            Message(role=role, content=template.render(blocks | own).strip())
            for role, template in self.sections
        )


def parsed(content: bytes, *, where: str) -> Prompt:
    """Read a prompt file.

    Raises:
        PromptRefused: the head is incomplete, a variable is used and not declared or declared and
            not used, a template does not parse; `where` opens the message.
    """
    try:
        head, body = _head_and_body(content.decode())
        sections = _sections(body)
        variables = frozenset(_names(head, "variables"))
        optional = frozenset(_names(head, "optional_variables"))
        _check_use(body, variables | optional)
        return Prompt(
            identity=PromptIdentity(
                id=_text(head, "id"),
                version=_text(head, "version"),
                digest=hashlib.sha256(content).hexdigest(),
            ),
            purpose=_text(head, "purpose"),
            language=_text(head, "language"),
            variables=variables,
            optional_variables=optional,
            parameters=_parameters(head),
            characters=len(body),
            sections=sections,
        )
    except (PromptRefused, UnicodeDecodeError, tomllib.TOMLDecodeError, TemplateError) as error:
        raise PromptRefused(f"{where}: {error}") from None


def _environment() -> Environment:
    # What is rendered is text for a model, never HTML; data are disarmed by `neutralised`.
    return Environment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)  # noqa: S701


def _head_and_body(text: str) -> tuple[Mapping[str, object], str]:
    match text.split("+++\n", 2):
        case ["", head, body]:
            return tomllib.loads(head), body
        case _:
            raise PromptRefused("the head stands between two lines +++ at the top")


def _sections(body: str) -> tuple[tuple[Role, Template], ...]:
    before, *found = _SECTION.split(body)
    if before.strip() or not found:
        raise PromptRefused("each message is opened by a line @system or @user")
    environment = _environment()
    pairs = zip(found[::2], found[1::2], strict=True)
    return tuple(
        ("system" if role == "system" else "user", environment.from_string(text))
        for role, text in pairs
    )


def _check_use(body: str, declared: frozenset[str]) -> None:
    used = meta.find_undeclared_variables(_environment().parse(body)) - OWN_NAMES
    if used != declared:
        raise PromptRefused(
            f"used and not declared: {sorted(used - declared)}; "
            f"declared and not used: {sorted(declared - used)}"
        )


def _text(head: Mapping[str, object], name: str) -> str:
    value = head.get(name)
    if not isinstance(value, str) or not value:
        raise PromptRefused(f"the head needs {name}, a text")
    return value


def _names(head: Mapping[str, object], name: str) -> list[str]:
    value = head.get(name, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise PromptRefused(f"{name} is a list of names")
    return value


def _parameters(head: Mapping[str, object]) -> Parameters:
    temperature = _text(head, "temperature")
    tokens = head.get("max_output_tokens")
    try:
        in_bounds = 0 <= Decimal(temperature) <= _TEMPERATURE_BOUND
    except InvalidOperation:
        in_bounds = False
    if not in_bounds:
        raise PromptRefused("temperature is a decimal between 0 and 2, as a text")
    if not isinstance(tokens, int) or tokens <= 0:
        raise PromptRefused("max_output_tokens is a whole number above 0")
    return Parameters(temperature=temperature, max_output_tokens=tokens)


def _delimiter(inputs: Mapping[str, object]) -> str:
    # Drawn from the inputs themselves: the same call renders to the same bytes, and no input can
    # hold the digest of a text that holds it.
    whole = json.dumps(dict(inputs), ensure_ascii=True, sort_keys=True).encode()
    return "donnees-" + hashlib.sha256(whole).hexdigest()[:12]


def _block(name: str, value: object, delimiter: str) -> str:
    if isinstance(value, str):
        content = neutralised(value)
    else:
        content = json.dumps(neutralised_json(value), ensure_ascii=False, indent=1)
    return f'<{delimiter} nom="{name}">\n{content}\n</{delimiter}>'
