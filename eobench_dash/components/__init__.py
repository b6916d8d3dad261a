"""Shared pieces of page. They know domain values and Dash, nothing else."""
