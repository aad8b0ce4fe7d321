"""Generation: what comes after a record, token by token, in the same batches as scores."""
