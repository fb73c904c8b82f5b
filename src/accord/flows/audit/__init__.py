"""The journal as an audit log: the actor of each change, and whether the entries are unchanged."""
