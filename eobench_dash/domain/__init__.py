"""Frozen values and rules. No I/O; imports nothing else of ours."""
