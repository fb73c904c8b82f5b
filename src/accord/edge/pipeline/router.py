"""Routing by dictionary, and by a trie of segments where a path has parameters. No request is redirected."""

import re
from typing import Any, Generic, TypeVar
from urllib.parse import unquote_to_bytes

from accord.problems import MethodNotAllowed

T = TypeVar("T")
Methods = dict[str, T]

_bad_escape = re.compile(r"%(?![0-9A-Fa-f]{2})")


class _Node(Generic[T]):
    __slots__ = ("children", "methods", "names", "parameter")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.parameter: _Node[T] | None = None
        self.methods: Methods[T] = {}
        self.names: tuple[str, ...] = ()


class Router(Generic[T]):
    """Maps a path to its methods and path parameters; a fixed segment goes before a parameter."""

    def __init__(self) -> None:
        """Start without routes."""
        self._fixed: dict[str, Methods[T]] = {}
        self._root: _Node[T] = _Node()

    def add(self, method: str, path: str, target: T) -> None:
        """Register the target for a path template such as `/users/{userId}`."""
        if "{" not in path:
            self._fixed.setdefault(path, {})[method] = target
            return
        node = self._root
        names: list[str] = []
        for segment in path.split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.parameter = node = node.parameter or _Node()
            else:
                node = node.children.setdefault(segment, _Node())
        node.methods[method] = target
        node.names = tuple(names)

    def find(self, path: str) -> tuple[Methods[T], dict[str, str]] | None:
        """Return the methods of a raw path and its decoded parameters; None for a path without a route."""
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        values: list[str] = []
        node = self._walk(self._root, path.split("/"), 0, values)
        if node is None:
            return None
        decoded = [_decoded(value) for value in values]
        if None in decoded:
            return None
        return node.methods, dict(zip(node.names, decoded, strict=True))  # type: ignore[arg-type]  # None was just excluded

    def _walk(self, node: _Node[T], segments: list[str], at: int, values: list[str]) -> "_Node[T] | None":
        if at == len(segments):
            return node if node.methods else None
        segment = segments[at]
        child = node.children.get(segment)
        if child is not None:
            found = self._walk(child, segments, at + 1, values)
            if found is not None:
                return found
        if node.parameter is None or not segment:
            return None
        values.append(segment)
        found = self._walk(node.parameter, segments, at + 1, values)
        if found is None:
            values.pop()
        return found


def _decoded(segment: str) -> str | None:
    """Undo the percent-encoding; None when it is malformed, not UTF-8, or contains a slash or NUL."""
    if _bad_escape.search(segment):
        return None
    try:
        text = unquote_to_bytes(segment.encode("latin-1")).decode()
    except UnicodeDecodeError:
        return None
    return None if "/" in text or "\0" in text else text


def allowed(methods: Methods[Any]) -> str:
    """Return the value of the `Allow` header."""
    names = set(methods) | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set())
    return ", ".join(sorted(names))


def not_allowed(methods: str) -> MethodNotAllowed:
    """Return the problem with the value of `Allow`.

    The caller raises it: a frame with a local name for the exception it raises would be in a reference cycle with it.
    """
    problem = MethodNotAllowed()
    problem.headers.append((b"allow", methods.encode()))
    return problem
