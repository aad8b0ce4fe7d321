"""What a run of requests starts from."""

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.registry.models import ModelVersion
from apps.tenants.services import create_client
from riskscore.services import seed_bank

CALIBRATION = {"method": "platt", "slope": 1.0, "intercept": 0.0, "prior": 0.01, "version": "chaos"}


class Command(BaseCommand):
    """Makes a bank, a champion that the scripted engine serves, and a client whose key it prints."""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make them."""
        now = timezone.now()
        bank = seed_bank(name="First Bank", actor="system", now=now)
        ModelVersion.objects.get_or_create(
            name="risk",
            version="scripted",
            defaults={
                "path": "none", "digest": "0" * 64, "precision": "int8", "alias": "champion",
                "card": {"calibration": CALIBRATION}, "created_at": now,
            },
        )  # fmt: skip
        self.stdout.write(create_client(institution=bank, name="chaos", mode="test", now=now)[1])
