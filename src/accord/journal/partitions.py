"""The journal's partitions, one for each month: created ahead of time, and dropped whole by pruning."""

from datetime import date
from typing import NamedTuple

from sqlalchemy import Text, column, text

from accord import clock
from accord.database import locking
from accord.database.autocommit import Autocommit
from accord.database.statement import Statement


class _Partition(NamedTuple):
    name: str


_PARTITIONS = Statement(
    text(
        "SELECT relname AS name FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'accord.journal'::regclass AND relname ~ '^journal_p[0-9]{4}_[0-9]{2}$' ORDER BY relname"
    ).columns(column("name", Text())),
    _Partition,
)


class Month(NamedTuple):
    """A calendar month in UTC."""

    year: int
    month: int

    @classmethod
    def of(cls, day: date) -> "Month":
        """Return the month of a day."""
        return cls(day.year, day.month)

    @property
    def first(self) -> date:
        """The first day."""
        return date(self.year, self.month, 1)

    @property
    def next(self) -> "Month":
        """The month after."""
        return Month(self.year + self.month // 12, self.month % 12 + 1)

    @property
    def partition(self) -> str:
        """The name of the month's partition."""
        return f"journal_p{self.year:04}_{self.month:02}"


def create(month: Month) -> tuple[str, str]:
    """Return the statements that make the partition of a month."""
    table = (
        f"CREATE TABLE IF NOT EXISTS accord.{month.partition} PARTITION OF accord.journal"
        f" FOR VALUES FROM ('{month.first}Z') TO ('{month.next.first}Z')"
    )
    return table, refuse_truncate(month.partition)


def refuse_truncate(partition: str) -> str:
    """Return the statement that forbids TRUNCATE of a partition; only row triggers come from the parent table."""
    return (
        f"CREATE OR REPLACE TRIGGER {partition}_no_truncate BEFORE TRUNCATE ON accord.{partition}"
        " FOR EACH STATEMENT EXECUTE FUNCTION accord.refuse_change()"
    )


def coming(today: date | None = None) -> list[Month]:
    """Return the months that entries may fall into before the next look: this month and the next."""
    this = Month.of(today or clock.now().date())
    return [this, this.next]


async def existing(database: Autocommit) -> list[Month]:
    """Return the months that have a partition, oldest first."""
    names = [row.name for row in await database.all(_PARTITIONS)]
    return [Month(int(name[9:13]), int(name[14:16])) for name in names]


async def make_ahead(database: Autocommit) -> bool:
    """Create the missing partitions of the coming months; False when one could not be created yet."""
    there = set(await existing(database))
    missing = [month for month in coming() if month not in there]
    # The statement locks the whole journal briefly; behind a long transaction all writers would wait as well.
    return all([await locking.try_alone(database, *create(month)) for month in missing])
