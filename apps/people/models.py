"""What signing in has to remember for a while."""

from django.db import models


class Remembered(models.Model):
    """A value under a key until a moment: attempts of late, and codes that were used.

    Written by `apps.people.cache` alone.
    """

    key = models.CharField(max_length=250, primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.key
