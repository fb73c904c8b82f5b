"""Lists as iterators, whichever way they are paginated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import ParamSpec, Protocol, TypeVar, cast

T_co = TypeVar("T_co", covariant=True)
T = TypeVar("T")
P = ParamSpec("P")


class CursorPage(Protocol[T_co]):
    """A part of a list that says where the next one begins."""

    @property
    def items(self) -> Sequence[T_co]: ...
    @property
    def next_cursor(self) -> str | None: ...


class NumberedPage(Protocol[T_co]):
    """A page of a list that says how many there are."""

    @property
    def items(self) -> Sequence[T_co]: ...
    @property
    def page(self) -> int: ...
    @property
    def total_pages(self) -> int: ...


async def iterate(
    list_: Callable[P, Awaitable[CursorPage[T] | NumberedPage[T]]], *args: P.args, **kwargs: P.kwargs
) -> AsyncIterator[T]:
    """Yield every item of a list; the next page is asked for when the items of one are used up."""
    page = await list_(*args, **kwargs)
    while True:
        for item in page.items:
            yield item
        turned = _turned(page)
        if turned is None:
            return
        page = await cast("Callable[..., Awaitable[CursorPage[T] | NumberedPage[T]]]", list_)(*args, **kwargs | turned)


def iterate_waiting(
    list_: Callable[P, CursorPage[T] | NumberedPage[T]], *args: P.args, **kwargs: P.kwargs
) -> Iterator[T]:
    """Do the same, waiting for each page."""
    page = list_(*args, **kwargs)
    while True:
        yield from page.items
        turned = _turned(page)
        if turned is None:
            return
        page = cast("Callable[..., CursorPage[T] | NumberedPage[T]]", list_)(*args, **kwargs | turned)


def _turned(page: CursorPage[T] | NumberedPage[T]) -> dict[str, str | int] | None:
    """Return the parameter that leads to the next page, or None at the end."""
    cursor: str | None = getattr(page, "next_cursor", None)
    if cursor is not None:
        return {"cursor": cursor}
    number, last = getattr(page, "page", 1), getattr(page, "total_pages", 1)
    return {"page": number + 1} if number < last else None
