"""One dataset's labels and settings: what its groups are called, what it says of itself, how it came in."""
