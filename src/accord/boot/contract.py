"""The contract and its flows, checked against each other before the process serves (C-3)."""

from collections.abc import Iterator

from accord.boot.flow_discovery import find_flows
from accord.boot.record_types import record_problems
from accord.contract import bundle, laws
from accord.contract.buckets import BUCKETS, setting_of
from accord.contract.operations import Operation, operations
from accord.dispatch import Flow
from accord.problems import CannotStart
from accord.settings import Settings


class ContractBroken(CannotStart):
    """The contract and the flows do not fit together; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        """Join the problems, so that printing the exception shows them all."""
        self.problems = problems
        super().__init__("The contract and the flows do not fit together:\n" + "\n".join(f"  {p}" for p in problems))


def load_contract() -> tuple[dict[str, Operation], dict[str, Flow]]:
    """Return the operations and their flows by operationId; raise ContractBroken with every problem."""
    document = bundle.load()
    problems = [*laws.problems(document), *_bucket_problems()]
    try:
        found = {operation.id: operation for operation in operations(document)}
    except (LookupError, StopIteration, TypeError, ValueError):
        if not problems:
            raise
        # The problems that the laws found explain the error; flows are compared once the document can be read.
        raise ContractBroken(problems) from None
    flows, flow_problems = find_flows(found.values())
    if not problems and not flow_problems:
        flow_problems = list(dict.fromkeys(record_problems(document)))
    if problems or flow_problems:
        raise ContractBroken(problems + flow_problems)
    return found, flows


def _bucket_problems() -> Iterator[str]:
    """Yield the rate-limit buckets without a setting."""
    for bucket in BUCKETS:
        setting = setting_of(bucket)
        if setting not in Settings.model_fields:
            yield (
                f"{bucket}: contract/buckets.py has this rate-limit bucket, and no setting {setting.upper()} exists;"
                f" declare `{setting}: RateLimit` in settings/variables.py"
            )
