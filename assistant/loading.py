"""Loads libraries without what of theirs nobody may ever use; it is there for whoever asks."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from typing_extensions import override

_Origins = Mapping[str, tuple[str, str | None]]
"""Where what a package has a name for is: a module, and its name there, if it is not that one."""


@contextmanager
def by_name(*packages: str) -> Iterator[None]:
    """Load packages without the modules that they gather names from, while the block lasts.

    The first who asks such a package for a name has its module loaded, also after the block.

    Args:
        packages: their full names; those inside them are loaded alike.
    """
    finder = _Finder(packages)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


@contextmanager
def replaced(owner: type, name: str, value: Any) -> Iterator[None]:
    """Have another value for an attribute of a class while the block lasts."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


class _Finder(MetaPathFinder):
    def __init__(self, packages: Sequence[str]) -> None:
        self._packages = tuple(f"{package}." for package in packages)

    @override
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not f"{fullname}.".startswith(self._packages):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.origin and spec.submodule_search_locations:
            spec.loader = _Gatherer(fullname, spec.origin)
        return spec


class _Gatherer(SourceFileLoader):
    """Loads a package by what it says itself, with its names leading elsewhere (PEP 562)."""

    def __init__(self, fullname: str, path: str) -> None:
        super().__init__(fullname, path)
        self._names: _Origins = {}
        self._modules: _Origins = {}

    @override
    def get_code(self, fullname: str) -> CodeType:
        tree = ast.parse(self.get_data(self.path), self.path)
        inside = (path for path in Path(self.path).parent.iterdir() if path.suffix in {"", ".py"})
        modules = {path.stem for path in inside if not path.stem.startswith("__")}
        later = _only_gathered(tree.body, modules)
        self._names = _origins(later)
        self._modules = {module: (f".{module}", None) for module in modules}
        tree.body = [part for part in tree.body if part not in later]
        return compile(tree, self.path, "exec", dont_inherit=True)

    @override
    def exec_module(self, module: ModuleType) -> None:
        super().exec_module(module)
        own, names = vars(module), self._names
        own.setdefault("__all__", [name for name in (*own, *names) if not name.startswith("_")])
        own["__getattr__"] = partial(_ask, module, {**self._modules, **names})
        own["__dir__"] = lambda: sorted({*own, *names})


def _only_gathered(body: Sequence[ast.stmt], modules: set[str]) -> list[ast.ImportFrom]:
    """Return what a package's code takes from its modules and makes no use of itself.

    A name that is also a module's stays: whoever loads the module would put it in its place.
    """
    taken = [part for part in body if isinstance(part, ast.ImportFrom) and part.level]
    own = [part for part in body if part not in taken]
    used = {node.id for part in own for node in ast.walk(part) if isinstance(node, ast.Name)}
    bound = {"*", *used, *modules}
    return [p for p in taken if p.module and bound.isdisjoint(n.asname or n.name for n in p.names)]


def _origins(taken: Sequence[ast.ImportFrom]) -> _Origins:
    return {
        name.asname or name.name: ("." * part.level + (part.module or ""), name.name)
        for part in taken
        for name in part.names
    }


def _ask(module: ModuleType, origins: _Origins, name: str) -> Any:
    if name not in origins:
        detail = f"module {module.__name__!r} has no attribute {name!r}"
        raise AttributeError(detail, name=name, obj=module)
    where, its_name = origins[name]
    found = import_module(where, module.__name__)
    value = found if its_name is None else getattr(found, its_name)
    setattr(module, name, value)
    return value
