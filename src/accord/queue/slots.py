"""The slots of each queue: how many of its jobs run at the same time over all processes."""

from collections.abc import Iterable, Mapping

from accord.contract.tasks import DEFAULT_QUEUE, OPERATIONS_QUEUE, Task
from accord.settings.kinds import Slots

DEFAULT = Slots(20, 15)
_BUILT_IN = {DEFAULT_QUEUE: DEFAULT, OPERATIONS_QUEUE: Slots(10, 3), "mail": Slots(5, 3), "webhooks": Slots(50, 4)}


def slots_by_queue(tasks: Iterable[Task], configured: Mapping[str, Slots]) -> dict[str, Slots]:
    """Return the slots of every queue that a task or QUEUES names."""
    return {task.queue: DEFAULT for task in tasks} | _BUILT_IN | dict(configured)
