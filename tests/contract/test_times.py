"""C-14: times of requests in every form of RFC 3339, and in one form behind the edge."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from accord.contract.ids import compile_normaliser
from accord.contract.times import normalised_time, parse_time, timestamp

GOOD = {
    "2026-01-31T09:30:00Z": "2026-01-31T09:30:00.000000Z",
    "2026-01-31T09:30:00.1Z": "2026-01-31T09:30:00.100000Z",
    "2026-01-31T09:30:00.123Z": "2026-01-31T09:30:00.123000Z",
    "2026-01-31T09:30:00.123456Z": "2026-01-31T09:30:00.123456Z",
    "2026-12-31T23:59:59.999999999Z": "2026-12-31T23:59:59.999999Z",
    "2026-01-31t09:30:00z": "2026-01-31T09:30:00.000000Z",
    "2026-01-31T09:30:00-00:00": "2026-01-31T09:30:00.000000Z",
    "2026-01-31T09:30:00+23:59": "2026-01-30T09:31:00.000000Z",
    "2026-01-31T09:30:00-23:59": "2026-02-01T09:29:00.000000Z",
    "2024-02-29T00:00:00+05:45": "2024-02-28T18:15:00.000000Z",
    "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000000Z",
    "9999-12-31T23:59:59.999999Z": "9999-12-31T23:59:59.999999Z",
    "1990-12-31T23:59:60Z": "1991-01-01T00:00:00.000000Z",
    "1990-12-31T15:59:60.5-08:00": "1991-01-01T00:00:00.500000Z",
}
BAD = [
    "2026-01-31T09:30:00",
    "2026-01-31T24:00:00Z",
    "2026-01-31T09:30:00+24:00",
    "2026-01-31T09:30:00.0000000000Z",
    "2026-01-31T09:30:00.Z",
    "2026-01-31T09:30:60Z",
    "2026-01-30T23:59:60Z",
    "2025-02-29T00:00:00Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:60Z",
    "2026-01-31 09:30:00Z",
    "2026-01-31T09:30:00Z ",
    "",
]


@pytest.mark.parametrize(("text", "kept"), GOOD.items())
def test_a_time_is_kept_in_utc_with_microseconds(text, kept):
    assert timestamp(parse_time(text)) == normalised_time(text) == kept


@pytest.mark.parametrize("text", BAD)
def test_a_malformed_time_is_refused_unchanged(text):
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its message: the edge has its own
        parse_time(text)
    assert normalised_time(text) == text


def test_times_are_found_wherever_a_schema_has_them():
    at = {"type": "string", "format": "date-time"}
    below = {"type": "array", "maxItems": 9, "items": {"type": "object", "properties": {"at": at}}}
    normalise = compile_normaliser({"properties": {"at": at, "below": below, "text": {"type": "string"}}})
    given, kept = "2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000000Z"

    assert normalise is not None
    assert normalise({"at": given, "below": [{"at": given}], "text": given}) == {
        "at": kept,
        "below": [{"at": kept}],
        "text": given,
    }
    assert compile_normaliser({"properties": {"text": {"type": "string"}}}) is None


async def test_the_edge_normalises_bodies_and_queries(given):
    somebody, admin = await given.somebody(), await given.an_admin()

    echoed = await somebody.post("/api/v1/meta/echo", json={"message": "x", "sentAt": "2026-01-31T10:30:00.5+01:00"})
    listed = await admin.get("/api/v1/audit", since="2016-12-31t23:59:60.123456789z", limit=1)

    assert echoed.json()["sentAt"] == "2026-01-31T09:30:00.500000Z"
    assert listed.status_code == 200


@pytest.mark.parametrize("zone", [UTC, ZoneInfo("UTC"), ZoneInfo("Asia/Kathmandu"), timezone(timedelta(hours=-3.5))])
@pytest.mark.parametrize("microsecond", [0, 1, 500_000, 999_999])
def test_a_timestamp_has_microseconds_in_utc_whatever_the_zone(zone, microsecond):
    time = datetime(2026, 1, 31, 9, 30, 0, microsecond, tzinfo=UTC).astimezone(zone)

    assert timestamp(time) == f"2026-01-31T09:30:00.{microsecond:06}Z"
