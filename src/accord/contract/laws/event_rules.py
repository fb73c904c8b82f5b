"""The laws of events that openapi/extensions.schema.json cannot state."""

from collections.abc import Iterator

from accord.contract.laws.document import Json
from accord.contract.references import resolve


def names_the_record(bundle: Json) -> Iterator[str]:
    """A receiver reads the record, and compares its version."""
    for kind, event in bundle.get("x-events", {}).items():
        whole = resolve(bundle, event["schema"])
        data = resolve(bundle, whole["properties"]["data"])
        if missing := {"id", "version"} - set(data.get("required", ())):
            yield f"event {kind}: its data must require {' and '.join(sorted(missing))} of the record."


RULES = (names_the_record,)
