"""From products to patches: choose products, lay the grid, choose descriptors, start, read the report."""
