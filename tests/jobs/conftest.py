from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from job_programs import Workshop, workshop
from journal.conftest import ledger, ledger_template
from ledger import Ledger

__all__ = ["ledger", "ledger_template", "shop"]


@pytest.fixture
async def shop(ledger: Ledger, tmp_path: Path) -> AsyncIterator[Workshop]:
    """A database of its own with the tasks of tests; the test starts the runners."""
    async with workshop(ledger.url, tmp_path) as opened:
        yield opened
