"""The boot: settings become connections, flows and a server, and all of them stop in order."""

from accord.boot.contract import ContractBroken, load_contract
from accord.boot.process import Process, Role
from accord.boot.serving import freeze_memory, run_server, run_worker

__all__ = ["ContractBroken", "Process", "Role", "freeze_memory", "load_contract", "run_server", "run_worker"]
