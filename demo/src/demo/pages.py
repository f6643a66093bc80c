"""Reading a hosted page as a browser does: its forms, links, texts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = frozenset({"input", "br", "img", "meta", "link", "hr"})
_BLOCKS = frozenset({"p", "li", "dt", "dd", "div", "h1", "h2", "h3", "article", "section"})
_UNSEEN = frozenset({"script", "style", "title"})


@dataclass(slots=True)
class Form:
    """A form: where it goes, its fields with their value, its radio buttons."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    choices: dict[str, list[str]] = field(default_factory=dict)
    """Each group of radio buttons with the values that it offers."""
    ticked: dict[str, str] = field(default_factory=dict)
    """Radio buttons that the page ticked in advance."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element with its attributes."""

    tag: str
    attributes: Mapping[str, str]
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Return what is written in it, on one line."""
        return " ".join("".join(self.texts).split())

    @property
    def lines(self) -> list[str]:
        """Return what is written in it, line by line."""
        return [line.strip() for line in "".join(self.texts).strip().splitlines()]


class Page(HTMLParser):
    """A page that was read."""

    def __init__(self, html: str) -> None:
        """Read the whole page."""
        super().__init__(convert_charrefs=True)
        self.forms: list[Form] = []
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self._form: Form | None = None
        self.feed(html)
        self.close()

    @property
    def text(self) -> str:
        """Return what a person reads, on one line."""
        found = [*self.of_tag("main"), *self.of_tag("body")]
        return found[0].text if found else ""

    def with_attribute(self, name: str) -> Iterator[Element]:
        """Return the elements that have an attribute, in order."""
        return (e for e in self.elements if name in e.attributes)

    def of_tag(self, tag: str) -> Iterator[Element]:
        """Return the elements of a tag, in order."""
        return (e for e in self.elements if e.tag == tag)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element, and what it means for the form around it."""
        if tag in _BLOCKS:
            self.handle_data("\n")
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)
        if tag == "form":
            given = element.attributes
            self._form = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._form)
        elif tag == "input" and self._form is not None:
            _add_input(self._form, element.attributes)

    def handle_endtag(self, tag: str) -> None:
        """Close what was opened, and what its author forgot to close."""
        if tag == "form":
            self._form = None
        if tag in _BLOCKS:
            self.handle_data("\n")
        if any(e.tag == tag for e in self._open):
            while self._open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        """Give the text to every element around it."""
        if any(e.tag in _UNSEEN for e in self._open):
            return
        for element in self._open:
            element.texts.append(data)


def _add_input(form: Form, given: Mapping[str, str]) -> None:
    name, kind, value = given.get("name"), given.get("type", "text"), given.get("value", "")
    if not name:
        return
    if kind == "radio":
        form.choices.setdefault(name, []).append(value)
        if "checked" in given:
            form.ticked[name] = value
    elif kind != "checkbox" or "checked" in given:
        form.fields[name] = value
