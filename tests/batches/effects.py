"""A kind of rows whose work leaves one line in a table, with the transaction or, without the defence, beside it."""

import os
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import connection

from apps.batches.kinds import Begun, Reading, RowKind
from apps.tenants.models import ApiClient

TABLE = """CREATE TABLE effects (at serial, id text);
    GRANT ALL ON effects TO PUBLIC; GRANT ALL ON effects_at_seq TO PUBLIC"""
APART = "EFFECTS_APART" in os.environ  # the control arm: effects are kept whether or not it is noted that they were
PAUSE_S = 0.02  # what the work of a row takes
INSERT = "INSERT INTO effects (id) VALUES (%s)"


def read(document: Any, _now: datetime) -> Reading:
    """A document with an id."""
    return Reading(value=document["id"], key=document["id"])


def begin(_client: ApiClient, values: Mapping[int, Any], _now: datetime) -> Mapping[int, Begun]:
    """Leave a line for every row, and take some time."""
    for row_id in values.values():
        if APART:
            with psycopg.connect(settings.DATABASE_URL, autocommit=True) as own:
                own.execute(INSERT, [row_id])
        else:
            with connection.cursor() as cursor:
                cursor.execute(INSERT, [row_id])
        time.sleep(PAUSE_S)
    return {number: Begun() for number in values}


def nothing_known(_institution_id: UUID, _keys: Sequence[str]) -> set[str]:
    """No row was told before."""
    return set()


def nothing_to_collect(_institution_id: UUID, _subject_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    """No row has an answer."""
    return {}


KIND = RowKind(
    name="test.effects",
    scopes=(),
    fields=frozenset({"id"}),
    cell=lambda _name, text: text,
    read=read,
    known=nothing_known,
    begin=begin,
    collect=nothing_to_collect,
    columns=(),
    rows_at_once=10,
)
