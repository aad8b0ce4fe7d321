"""What a release is held against before it goes out: known holes in its dependencies, and secrets in its history."""
