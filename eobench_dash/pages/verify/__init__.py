"""How far a dataset's labels can be trusted: measure, read, take home."""
