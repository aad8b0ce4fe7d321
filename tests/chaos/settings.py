"""The settings of processes that are going to be killed: the suite's, and a kind of job that counts its effects."""

from settings.test import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]  # noqa: F405
