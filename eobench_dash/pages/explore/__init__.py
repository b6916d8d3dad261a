"""Explore and clean: the map of a dataset's patches, their neighbours, their groups."""
