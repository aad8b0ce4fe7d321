"""PostgreSQL, but some commits that happened look as if they had not.

After Temporal's ``ExecuteAndTimeout``: the caller meets an error, the effect is there all the same.
"""

import os
import random

from django.db import OperationalError

from apps.common.postgresql import base

RATE = float(os.environ.get("CHAOS_COMMIT_ERRORS", "0"))
chance = random.Random(20261124)


class DatabaseWrapper(base.DatabaseWrapper):
    """Loses the connection right after every tenth COMMIT or so."""

    def _commit(self) -> None:
        super()._commit()
        if self.connection is not None and chance.random() < RATE:
            self.connection.close()
            raise OperationalError("the answer to COMMIT was lost")
