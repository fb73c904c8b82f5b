"""SIGINT and SIGTERM while a command imports its modules."""

import signal
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def held_signals() -> Generator[None]:
    """Hold SIGINT and SIGTERM back within this block, then raise KeyboardInterrupt for them; SIGTERM stays that way.

    An exception in the middle of an import can be lost, as importlib calls back from destructors, or leave an extension
    module half made, so that CPython crashes at its end.
    """
    received: list[int] = []

    def hold(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    on_interrupt = signal.signal(signal.SIGINT, hold)
    signal.signal(signal.SIGTERM, hold)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, on_interrupt)
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        if received:
            raise KeyboardInterrupt
