"""Signing up, signing in, and the sessions that follow."""
