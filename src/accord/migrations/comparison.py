"""How the tables that the domains declare are compared with those of a database."""

from typing import Any


def _is_ours(_object: object, name: str | None, kind: str, *_: object) -> bool:
    """Leave the journal's partitions alone: the relay makes them as time goes on."""
    return not ((kind == "table" and name is not None and name.startswith("journal_p2")) or name == "journal_default")


OPTIONS: dict[str, Any] = {"compare_type": True, "compare_server_default": True, "include_object": _is_ours}
