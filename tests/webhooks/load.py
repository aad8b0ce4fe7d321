"""A process in which things happen that an institution wants to hear of.

``python -m tests.webhooks.load URL LEDGER UNTIL``: the first line of the ledger is the endpoint's secret, every
further one a message that was promised, written after its transaction committed.
"""

import sys
import time
from pathlib import Path
from uuid import uuid4

import django

RATE = 20.0  # a second


def main(url: str, ledger: str, until: str) -> None:
    """Let things happen until a file is there."""
    from django.utils import timezone

    from apps.tenants.models import Institution
    from apps.webhooks import services
    from apps.webhooks.models import EventType, WebhookDelivery
    from apps.webhooks.signing import message_name

    bank = Institution.objects.create(name="First Bank", kind=Institution.Kind.BANK)
    endpoint = services.create_endpoint(
        institution=bank,
        url=url,
        event_types=[EventType.BATCH_COMPLETED],
        description="",
        actor="command:load",
        now=timezone.now(),
    )
    with Path(ledger).open("a", buffering=1) as promised:
        promised.write(f"{endpoint.secret}\n")
        while not Path(until).exists():
            batch_id = uuid4()
            services.emit(
                institution_id=bank.pk,
                event_type=EventType.BATCH_COMPLETED,
                data={"batch_id": batch_id},
                now=timezone.now(),
            )
            told = WebhookDelivery.objects.get(data__batch_id=str(batch_id))
            promised.write(f"{message_name(told.message_id)}\n")
            time.sleep(1 / RATE)


if __name__ == "__main__":
    django.setup()
    main(*sys.argv[1:])
