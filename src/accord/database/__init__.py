"""PostgreSQL: the pool, statements prepared once, the transaction, and the journal."""
