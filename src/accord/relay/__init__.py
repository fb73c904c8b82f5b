"""The relay: gives committed journal entries their positions in commit order, and chains them by hash."""
