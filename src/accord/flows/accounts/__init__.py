"""Accounts and their profiles, and signing up."""
