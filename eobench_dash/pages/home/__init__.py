"""The home page: every dataset and where it stands, what is mine to do, what happened, and the way in for new data."""
