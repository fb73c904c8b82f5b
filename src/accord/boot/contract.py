"""The contract and its flows, checked against each other before the process serves (C-3)."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from accord.boot.flow_discovery import find_flows
from accord.boot.reaction_discovery import Found, find_reactions
from accord.boot.record_types import record_problems
from accord.contract import bundle, laws
from accord.contract.buckets import BUCKETS, setting_of
from accord.contract.operations import Operation, operations
from accord.contract.tasks import tasks
from accord.dispatch import Flow
from accord.problems import CannotStart
from accord.queue.tasks import Tasks
from accord.settings import Settings


class ContractBroken(CannotStart):
    """The contract and the flows do not fit together; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        """Join the problems, so that printing the exception shows them all."""
        self.problems = problems
        super().__init__("The contract and the flows do not fit together:\n" + "\n".join(f"  {p}" for p in problems))


class Contract(NamedTuple):
    """The operations and their flows by operationId, the tasks, and the flows of their jobs by the task's name.

    `accepting` has the flows that let a job run an operation, by operationId; `reactions` those that entries cause.
    """

    operations: Mapping[str, Operation]
    flows: Mapping[str, Flow]
    tasks: Tasks
    job_flows: Mapping[str, Flow]
    accepting: Mapping[str, Flow]
    reactions: Found

    def wrapped(self, wrap: Callable[[Mapping[str, Flow]], Mapping[str, Flow]]) -> "Contract":
        """Return the same with each flow in a wrapper."""
        flows, job_flows, accepting = wrap(self.flows), wrap(self.job_flows), wrap(self.accepting)
        reactions = self.reactions.wrapped(wrap)
        return self._replace(flows=flows, job_flows=job_flows, accepting=accepting, reactions=reactions)


def load_contract() -> Contract:
    """Return the contract with its flows; raise ContractBroken with every problem."""
    document = bundle.load()
    problems = [*laws.problems(document), *_bucket_problems()]
    try:
        found = {operation.id: operation for operation in operations(document)}
        known = Tasks(tasks(document))
    except (LookupError, StopIteration, TypeError, ValueError):
        if not problems:
            raise
        # The problems that the laws found explain the error; flows are compared once the document can be read.
        raise ContractBroken(problems) from None
    flows, job_flows, flow_problems = find_flows(found.values(), known.by_name.values())
    # A problem that flows and reactions share is reported once.
    told = tuple(flow_problems)
    reactions = find_reactions()
    flow_problems += [new for new in reactions.problems if not any(one.endswith(new) for one in told)]
    if not problems and not flow_problems:
        flow_problems = list(dict.fromkeys(record_problems(document)))
    if problems or flow_problems:
        raise ContractBroken(problems + flow_problems)
    # A package without its contract says so in the words of each command: this module reads the contract at its import.
    from accord.boot.asynchronous import asynchronous_flows  # noqa: PLC0415

    asynchronous = asynchronous_flows(found.values())
    return Contract(found, flows, known, job_flows | asynchronous.of_jobs, asynchronous.of_requests, reactions)


def _bucket_problems() -> Iterator[str]:
    """Yield the rate-limit buckets without a setting."""
    for bucket in BUCKETS:
        setting = setting_of(bucket)
        if setting not in Settings.model_fields:
            yield (
                f"{bucket}: contract/buckets.py has this rate-limit bucket, and no setting {setting.upper()} exists;"
                f" declare `{setting}: RateLimit` in settings/variables.py"
            )
