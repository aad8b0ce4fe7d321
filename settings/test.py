"""The test suite: real PostgreSQL, real Redis, fixed secrets."""

import os

from settings.base import *

SECRET_KEY = "only-the-tests-use-this-key"
ENGINE_SALT_KEY = "only-the-tests-use-this-salt"
ENCRYPTION_KEYS = "test:b25seS10aGUtdGVzdHMtdXNlLXRoaXMta2V5LTMyLWI="
INDEX_KEY = "YW5kLW9ubHktdGhlLXRlc3RzLXVzZS10aGlzLW9uZS4="
AUDIT_KEY = "only-the-tests-seal-with-this-key"
ENVIRONMENT = "test"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A test that crashes PostgreSQL starts a cluster of its own; here nobody needs to wait for the disk.
_options = DATABASES["default"].setdefault("OPTIONS", {})
_options["options"] = f"{_options.get('options', '')} -c synchronous_commit=off".strip()
if "ASSAY_LIMITS" not in os.environ:  # the suite asks more than any caller may; tests of the limits set their own
    LIMITS = dict.fromkeys(LIMITS, 10_000_000)
