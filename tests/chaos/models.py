"""What the work leaves behind."""

from typing import ClassVar

from django.db import models


class Effect(models.Model):
    """One finished attempt, written with the job's end. Nothing here stops a second one: that is what is tested."""

    job_id = models.UUIDField()
    fence = models.PositiveIntegerField()
    worker = models.CharField(max_length=64)

    objects: ClassVar[models.Manager["Effect"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.job_id} under fence {self.fence}"


class Rejection(models.Model):
    """A worker came back with a result and was refused."""

    job_id = models.UUIDField()
    fence = models.PositiveIntegerField()

    objects: ClassVar[models.Manager["Rejection"]] = models.Manager()

    def __str__(self) -> str:
        return f"{self.job_id} under fence {self.fence}"


class Completion(models.Model):
    """An assessment went from pending to completed: written by a trigger, so that no code of ours can forget it."""

    assessment_id = models.UUIDField()

    objects: ClassVar[models.Manager["Completion"]] = models.Manager()

    def __str__(self) -> str:
        return str(self.assessment_id)
