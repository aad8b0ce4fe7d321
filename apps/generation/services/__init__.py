"""Everything that makes or ends a generation, one verb each."""

from apps.generation.services.requests import JOB_KIND, NoSuchWriter, request_generation
from apps.generation.services.writing import write

__all__ = ["JOB_KIND", "NoSuchWriter", "request_generation", "write"]
