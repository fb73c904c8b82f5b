"""The journal: entries appended by flows, read by position, and protected so that every alteration is noticed."""
