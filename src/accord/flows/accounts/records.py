"""Accounts as records: clients read and follow them; record transactions do not write them."""

from accord.flows.accounts import rules
from accord.flows.accounts.tables import UserRow, users
from accord.flows.record_types import RecordType

accounts = RecordType(table=users, row=UserRow, readable=rules.readable_users)
