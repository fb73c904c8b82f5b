"""Calls to servers outside: what all of them share."""
