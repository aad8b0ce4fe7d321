"""The composition root: the one place that knows every other part of Assay."""

VERSION = "0.1.0"
