"""One user action = one function = one transaction. Services check the role, and never call each other."""
