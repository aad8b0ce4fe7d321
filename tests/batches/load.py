"""A process that sends one batch: ``python -m tests.batches.load ROWS``."""

import io
import sys
from uuid import uuid4

import django


def main(rows: str) -> None:
    """Promise the work of so many rows."""
    from django.db import connection
    from django.utils import timezone

    from apps.batches import services
    from apps.tenants.models import Institution
    from apps.tenants.services import create_client
    from tests.batches.effects import TABLE

    now = timezone.now()
    bank = Institution.objects.create(name="First Bank", kind=Institution.Kind.BANK)
    client, _key = create_client(institution=bank, name="core banking", mode="test", now=now)
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
    body = "".join(f'{{"id":"row-{number}"}}\n' for number in range(int(rows)))
    upload = services.Upload(kind="test.effects", dry_run=False, delimiter=None)
    received = services.receive(client=client, upload=upload, read=io.BytesIO(body.encode()).read, now=now)
    services.open_batch(batch_id=received.batch_id, request_key=uuid4(), actor="command:load", now=now)


if __name__ == "__main__":
    django.setup()
    main(*sys.argv[1:])
