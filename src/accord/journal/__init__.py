"""The journal: what flows append, how it is read by position, and how nobody can change it unnoticed."""
