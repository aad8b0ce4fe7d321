"""Encoders: from typed evidence to vectors of the decoder's hidden size. They ship inside a checkpoint."""
