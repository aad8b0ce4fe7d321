"""Which role of PostgreSQL a process connects as."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from settings.env import env

APP, WORKER = "assay_app", "assay_worker"
VARIABLES = {APP: "ASSAY_APP_DATABASE_URL", WORKER: "ASSAY_WORKER_DATABASE_URL"}


def database_url(owners: str, role: str) -> str:
    """The URL for a process of a role, given the owner's.

    Embedded servers trust whoever may enter their folder, so that the user's name is enough. With a server of
    your own it is the URL you named for the role; without one the owner signs in and becomes the role, which
    keeps mistakes out but not somebody who can run SQL of their own: that one can become the owner again.
    """
    if env.str("DATABASE_URL", default=None) is None:
        return as_user(owners, role)
    return str(env.str(VARIABLES[role], default="")) or becoming(owners, role)


def as_user(url: str, role: str) -> str:
    """The same address, another user, no password.

    >>> as_user("postgresql://postgres:@/postgres?host=%2Ftmp%2Fpg", "assay_app")
    'postgresql://assay_app:@/postgres?host=%2Ftmp%2Fpg'
    """
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{role}:@{parts.netloc.rpartition('@')[2]}"))


def becoming(url: str, role: str) -> str:
    """The same user, who becomes the role before anything else.

    >>> becoming("postgres://assay:secret@db:5432/assay?sslmode=require", "assay_app")
    'postgres://assay:secret@db:5432/assay?sslmode=require&options=-c%20role%3Dassay_app'
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    query["options"] = f"{query.get('options', '')} -c role={role}".strip()
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))
