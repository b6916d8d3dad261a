"""Long work: the queue's rows, leases, heartbeats, progress, cancelling; worker processes and who looks after them."""
