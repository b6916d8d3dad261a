"""Arrays to arrays: features, neighbours, embeddings, metrics. No I/O, no database; imports domain only."""
