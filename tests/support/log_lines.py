"""What the service wrote to its log."""

import asyncio
import json
from typing import Any

from running import Service


async def logged(service: Service, request_id: str, count: int = 1) -> list[dict[str, Any]]:
    """Return the lines with this id, once there are as many; lines are written a moment after the response."""
    mark = f'"requestId":"{request_id}"'
    for _ in range(1500):
        # What follows the last line break is a line that is only half written.
        written = [line for program in service.programs for line in program.output().split("\n")[:-1]]
        lines = [json.loads(line) for line in written if mark in line]
        if len(lines) >= count:
            return lines
        await asyncio.sleep(0.02)
    raise AssertionError(f"fewer than {count} lines have {request_id}")
