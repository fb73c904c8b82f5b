"""Lists as iterators: the next page is read when it is needed, from where the last one ended."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Any, ParamSpec, Protocol, TypeVar, cast

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
P = ParamSpec("P")


class Page(Protocol[T_co]):
    """A part of a list that says where the next one begins."""

    @property
    def items(self) -> Sequence[T_co]: ...
    @property
    def next_cursor(self) -> str | None: ...


async def iterate(list_: Callable[P, Awaitable[Page[T]]], *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
    """Yield every item of a list; the next page is asked for when the items of one are used up."""
    page = await list_(*args, **kwargs)
    while True:
        for item in page.items:
            yield item
        if page.next_cursor is None:
            return
        page = await cast("Callable[..., Awaitable[Page[T]]]", list_)(*args, **_following(kwargs, page.next_cursor))


def iterate_waiting(list_: Callable[P, Page[T]], *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
    """Do the same, waiting for each page."""
    page = list_(*args, **kwargs)
    while True:
        yield from page.items
        if page.next_cursor is None:
            return
        page = cast("Callable[..., Page[T]]", list_)(*args, **_following(kwargs, page.next_cursor))


def _following(parameters: dict[str, Any], cursor: str) -> dict[str, Any]:
    """Return the parameters that lead on; the number of a page is where the walk began."""
    return {name: value for name, value in parameters.items() if name != "page"} | {"cursor": cursor}
