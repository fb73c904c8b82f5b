"""What Accord costs, measured beside limit programs and a peer: `nox -s bench` (or `-- --quick --row get_me`).

Each file in `rows/` is one row of the table: its limit program, its peer, and how ours is asked.
A new row is a new file.
"""
