"""Whether this process's role is one that row-level security binds at all."""

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

logger = structlog.get_logger(__name__)

ROLE = """
SELECT current_user, rolsuper, rolbypassrls, EXISTS (
    SELECT FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
    AND pg_has_role(current_user, relowner, 'MEMBER')
) FROM pg_roles WHERE rolname = current_user
"""


def unbound() -> str:
    """Why no policy binds this process, in words for an operator; empty where all do.

    Raises:
        DatabaseError: PostgreSQL does not answer.
    """
    with connection.cursor() as cursor:
        cursor.execute(ROLE)
        role, is_super, bypasses, owns = cursor.fetchone()
    why = "is a superuser" if is_super else "has BYPASSRLS" if bypasses else "owns the tables" if owns else ""
    return f"the role {role} {why}, so that row-level security does not bind it" if why else ""


def require() -> None:
    """Refuse to serve with such a role where ``WALLS_REQUIRED``; called where a serving process starts.

    A PostgreSQL that does not answer yet is no reason: the process will say that it is not ready.

    Raises:
        ImproperlyConfigured: naming the role, and what to do.
    """
    if not settings.WALLS_REQUIRED:
        return
    try:
        reason = unbound()
    except DatabaseError as error:
        logger.warning("role_not_checked", error=type(error).__name__)
        return
    finally:
        connection.close()
    if reason:
        raise ImproperlyConfigured(
            f"This process does not start: {reason}. Web processes connect as assay_app, workers and the reconciler "
            'as assay_worker: see "Roles" in docs/operations.md.'
        )
