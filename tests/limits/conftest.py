"""A Redis whose counts are this test's own."""

import pytest
import redis
from django.conf import settings


@pytest.fixture(autouse=True)
def redis_client(redis_server: None) -> redis.Redis:
    client = redis.Redis.from_url(settings.REDIS_URL)
    keys = client.keys("limit:*")
    _ = keys and client.delete(*keys)
    return client
