"""Take a dataset home: what is in it, whether it is ready, and the files."""
