"""People and tasks: who may log in and as what, and who is to clean what."""
