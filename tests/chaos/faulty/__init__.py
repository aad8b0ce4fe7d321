"""A database whose answer to COMMIT is sometimes lost on its way."""
