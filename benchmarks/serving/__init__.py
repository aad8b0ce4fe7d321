"""What the scheduler is worth: batching, the steered budget, turns between institutions, and a second worker."""
