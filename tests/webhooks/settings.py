"""The settings of senders that are going to be killed: what a dead one held comes back soon."""

from apps.batches import apps as batches
from apps.webhooks import apps as webhooks
from tests.chaos.settings import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.batches"]  # noqa: F405
webhooks.LEASE_S = 3.0
batches.LEASE_S = 3.0
