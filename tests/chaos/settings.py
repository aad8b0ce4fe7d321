"""The settings of processes that are going to be killed: the suite's, and a kind of job that counts its effects."""

import os

from settings.test import *  # noqa: F403

INSTALLED_APPS = [*INSTALLED_APPS, "tests.chaos"]  # noqa: F405
# The suite does not wait for the disk; what is promised here has to be on it. "off" is a control arm's.
DATABASES["default"]["OPTIONS"]["options"] = f"-c synchronous_commit={os.environ.get('CHAOS_COMMIT', 'on')}"  # noqa: F405
if "CHAOS_COMMIT_ERRORS" in os.environ:
    DATABASES["default"]["ENGINE"] = "tests.chaos.faulty"  # noqa: F405
