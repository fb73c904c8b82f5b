"""The tasks that this release knows, and the check of arguments against their schemas."""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from accord.contract.tasks import Task
from accord.contract.validators import Validate, compile_validator

MAX_ARGS = 65_536
"""The most bytes of a job's arguments, as JSON."""


class UnknownTask(LookupError):
    """No domain file declares a task of this name, or it is an operation and the job has no owner to run it as."""


class WrongArguments(ValueError):
    """The arguments do not fit the schema of their task, or are too large; the values are not in the message."""


class TooLarge(WrongArguments):
    """The arguments are larger than MAX_ARGS."""


class Tasks:
    """The tasks by name; a validator is compiled when its task is enqueued first, as a start must be quick."""

    def __init__(self, tasks: Iterable[Task] = ()) -> None:
        """Take the tasks of the contract."""
        self.by_name: Mapping[str, Task] = {task.name: task for task in tasks}
        self._validators: dict[str, Validate] = {}

    def checked(self, name: str, args: Mapping[str, Any], *, has_owner: bool = True) -> Task:
        """Return the task; raise UnknownTask, and WrongArguments for arguments that it does not take."""
        task = self.by_name.get(name)
        if task is None:
            raise UnknownTask(f"{name} is no task: declare it below x-tasks in a domain file.")
        if task.is_operation and not has_owner:
            raise UnknownTask(f"{name} is an operation, which a job runs as its owner: request it by respond-async.")
        validate = self._validators.get(name)
        if validate is None:
            validate = self._validators[name] = compile_validator(task.args_schema)
        try:
            errors = validate(args)
        except ValueError as error:
            # A UUID or a time from a row; its type is named, and not its value.
            raise WrongArguments(f"{name}: the arguments must be values of JSON: {error}") from error
        if errors:
            raise WrongArguments(f"{name}: " + "; ".join(f"{e['field'] or 'args'} {e['message']}" for e in errors))
        if (size := len(orjson.dumps(args))) > MAX_ARGS:
            raise TooLarge(f"{name}: the arguments have {size} bytes, the limit is {MAX_ARGS}.")
        return task
