"""The changes of records and lists, for clients that follow them."""
