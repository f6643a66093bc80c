"""Functions in which one fact is replaced by a constant, while a context lasts."""

import ast
import importlib
import inspect
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any


@dataclass(frozen=True)
class Site:
    """One place in a function where a field of a record stands beside its value."""

    of: FunctionType
    field: str
    where: tuple[int, int]
    """Line and column of the value, in the module's file."""

    @property
    def function(self) -> str:
        return self.of.__name__

    @property
    def line(self) -> int:
        return self.where[0]


def sites(place: str, names: Collection[str]) -> Iterator[Site]:
    """The places of a function, or of the methods of a class, given as a dotted path."""
    for function in _functions(place):
        first = function.__code__.co_firstlineno
        for node in ast.walk(_module(function)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno == first:
                for field, value in _named(node):
                    if field in names:
                        yield Site(function, field, (value.lineno, value.col_offset))


@contextmanager
def hard_coded(site: Site, value: Any) -> Iterator[None]:
    """Let a site's value be this one, whatever is observed."""
    constant = ast.parse(repr(json.loads(json.dumps(value))), mode="eval").body
    module = _module(site.of)
    for node in ast.walk(module):
        for field, found in _named(node, deep=False):
            if field == site.field and (found.lineno, found.col_offset) == site.where:
                _put(node, found, constant)
    compiled = compile(ast.fix_missing_locations(module), site.of.__code__.co_filename, "exec")
    whole = site.of.__code__
    site.of.__code__ = _code_of(compiled, whole)
    try:
        yield
    finally:
        site.of.__code__ = whole


def _named(node: ast.AST, *, deep: bool = True) -> Iterator[tuple[str, ast.expr]]:
    """Yield what stands beside a name: `{"name": value}` and `body["name"] = value`."""
    for part in ast.walk(node) if deep else (node,):
        if isinstance(part, ast.Dict):
            for key, value in zip(part.keys, part.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, value
        elif isinstance(part, ast.Assign):
            for target, value in _assigned(part):
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    yield str(target.slice.value), value


def _assigned(part: ast.Assign) -> Iterator[tuple[ast.expr, ast.expr]]:
    for target in part.targets:
        if isinstance(target, ast.Tuple) and isinstance(part.value, ast.Tuple):
            yield from zip(target.elts, part.value.elts, strict=True)
        else:
            yield target, part.value


def _put(node: ast.AST, old: ast.expr, new: ast.expr) -> None:
    if isinstance(node, ast.Dict):
        node.values = [new if value is old else value for value in node.values]
    elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Tuple):
        node.value.elts = [new if value is old else value for value in node.value.elts]
    elif isinstance(node, ast.Assign):
        node.value = new


def _functions(place: str) -> Iterator[FunctionType]:
    module, names = place, []
    while True:
        try:
            found: Any = importlib.import_module(module)
            break
        except ModuleNotFoundError:
            module, _, name = module.rpartition(".")
            names.insert(0, name)
    for name in names:
        found = getattr(found, name)
    for one in vars(found).values() if inspect.isclass(found) else (found,):
        function = one.__func__ if isinstance(one, staticmethod) else one
        if isinstance(function, FunctionType) and function.__code__.co_filename.endswith(".py"):
            yield function


def _module(function: FunctionType) -> ast.Module:
    return ast.parse(Path(function.__code__.co_filename).read_text("utf-8"))


def _code_of(compiled: CodeType, whole: CodeType) -> CodeType:
    """Find a function in a compiled module, by its name and its first line."""
    waiting = [compiled]
    while waiting:
        code = waiting.pop()
        if (code.co_name, code.co_firstlineno) == (whole.co_name, whole.co_firstlineno):
            return code
        waiting += [part for part in code.co_consts if isinstance(part, CodeType)]
    raise LookupError(whole.co_qualname)
