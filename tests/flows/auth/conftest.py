from journal.conftest import ledger, ledger_template, workers

__all__ = ["ledger", "ledger_template", "workers"]
