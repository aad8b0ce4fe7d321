"""What `manage.py demo` does: a story from the generator, told over REST, and what came of it."""
