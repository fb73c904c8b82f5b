"""The contract: its sources, the bundle made from them, and everything checked or built from the bundle."""
