"""The journal, for people: who did what, and whether it is still what was written."""
