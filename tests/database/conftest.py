from journal.conftest import ledger, ledger_template

__all__ = ["ledger", "ledger_template"]
