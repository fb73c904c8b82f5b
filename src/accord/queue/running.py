"""The job that is running, as its flow sees it."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RunningJob:
    """The job that a flow is an attempt of; `id` is a stable key for what the flow does outside of the database."""

    id: UUID
    task: str
    attempt: int
    owner_id: UUID | None
