"""Counts of requests in fixed windows, which all processes share: the windows begin and end by the database's clock."""

from typing import NamedTuple

from sqlalchemy import BindParameter, Float, bindparam, case, cast, extract, func
from sqlalchemy.dialects.postgresql import insert

from accord.database.database import Database
from accord.database.expiry import deletion
from accord.database.statement import Statement
from accord.database.tables import rate_limits


class CountRow(NamedTuple):
    """The requests of a window, and the seconds until it is over."""

    requests: int
    seconds_left: float


_seconds: BindParameter[float] = bindparam("seconds", type_=Float)
_new = insert(rate_limits).values(
    bucket=bindparam("bucket"),
    key=bindparam("key"),
    count=1,
    resets_at=func.now() + func.make_interval(0, 0, 0, 0, 0, 0, _seconds),
)
_is_over = rate_limits.c.resets_at <= func.now()
_COUNT = Statement(
    _new.on_conflict_do_update(
        index_elements=["bucket", "key"],
        set_={
            "count": case((_is_over, 1), else_=rate_limits.c.count + 1),
            "resets_at": case((_is_over, _new.excluded.resets_at), else_=rate_limits.c.resets_at),
        },
    ).returning(
        rate_limits.c.count.label("requests"),
        cast(extract("epoch", rate_limits.c.resets_at - func.now()), Float).label("seconds_left"),
    ),
    CountRow,
)
DELETE_EXPIRED = deletion(rate_limits, _is_over)


async def count_request(database: Database, bucket: str, key: str, window: float) -> CountRow:
    """Count a request in the window of its key, which lasts so many seconds."""
    [row] = await database.all(_COUNT, bucket=bucket, key=key, seconds=window)
    return row
