"""All network and all product formats."""
