"""Who may do what to which rows: the second wall, which PostgreSQL keeps whatever our queries say.

Three roles. The *owner* of the tables migrates and runs operators' commands; no policy binds it. Web processes
connect as ``assay_app``; workers and the reconciler connect as ``assay_worker``. Those two are neither owner nor
superuser, may define nothing and empty nothing, and see through the policies below alone.

A model with an ``institution`` is walled in without being named here: both roles may do everything to rows
of the institution in whose scope they are, and nothing to others. `DECLARED` says what is otherwise: fewer verbs,
other rows, or a table that belongs to no institution. A model with neither is closed to both roles, and
``manage.py check`` refuses it. `apps.tenants.policies` turns all this into SQL after every migration.
"""

from dataclasses import dataclass

from django.db import models

APP, WORKER = "assay_app", "assay_worker"
ROLES = (APP, WORKER)
VERBS = ("select", "insert", "update", "delete")

# Conditions over a row. The sub-selects are worked out once a statement, not once a row.
OWN = "institution_id = (SELECT assay_institution())"
ANY = "true"
OPERATOR = "(SELECT assay_who()) = 'operator'"
SIGNING_IN = "(SELECT assay_who()) = 'signing-in'"
NOBODY = "(SELECT assay_who()) = 'nobody'"
OF_NOBODY = "institution_id IS NULL"


def either(*conditions: str) -> str:
    """A row that meets one of them."""
    return " OR ".join(f"({condition})" for condition in conditions)


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """Which rows a role may touch, by verb, as SQL over a row; None forbids the verb.

    ``SELECT … FOR UPDATE`` needs ``update`` too, and an ``update`` may not move a row out of what it allows.
    """

    select: str | None = None
    insert: str | None = None
    update: str | None = None
    delete: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What the two roles may do to a table."""

    app: Door
    worker: Door

    def doors(self) -> tuple[tuple[str, Door], ...]:
        """Each role with its door."""
        return ((APP, self.app), (WORKER, self.worker))


def all_of(rows: str) -> Door:
    """Every verb on such rows."""
    return Door(select=rows, insert=rows, update=rows, delete=rows)


def reading(rows: str) -> Door:
    """Such rows may be read."""
    return Door(select=rows)


def appending(rows: str) -> Door:
    """Such rows may be read and added, never changed."""
    return Door(select=rows, insert=rows)


CLOSED = Door()
STANDARD = Wall(app=all_of(OWN), worker=all_of(OWN))
OWN_OR_OPERATOR = either(OWN, OPERATOR)
OF_PEOPLE = either(OPERATOR, SIGNING_IN)  # rows of people and their sessions that name no institution
COLLEAGUES = f"id IN (SELECT user_id FROM tenants_membership WHERE {OWN})"  # noqa: S608 - who work here

DECLARED: dict[str, Wall] = {
    # Institutions and who speaks for them. A worker that does something for each of them may list them.
    "tenants.Institution": Wall(
        app=Door(
            select=either("id = (SELECT assay_institution())", OPERATOR, SIGNING_IN),
            insert=OPERATOR,
            update=either("id = (SELECT assay_institution())", OPERATOR),
        ),
        worker=reading(either("id = (SELECT assay_institution())", NOBODY)),
    ),
    "tenants.User": Wall(
        app=Door(
            select=either(COLLEAGUES, OPERATOR, SIGNING_IN),
            insert=either(OPERATOR, SIGNING_IN),
            update=either(COLLEAGUES, OPERATOR, SIGNING_IN),
        ),
        worker=CLOSED,
    ),
    "tenants.Membership": Wall(
        app=Door(select=either(OWN, OPERATOR, SIGNING_IN), insert=OWN_OR_OPERATOR, delete=OWN_OR_OPERATOR),
        worker=CLOSED,
    ),
    "tenants.User_groups": Wall(app=all_of(OPERATOR), worker=CLOSED),
    "tenants.User_user_permissions": Wall(app=all_of(OPERATOR), worker=CLOSED),
    "tenants.ApiClient": Wall(app=all_of(OWN_OR_OPERATOR), worker=reading(OWN)),
    "tenants.ClientKey": Wall(app=all_of(OWN_OR_OPERATOR), worker=CLOSED),
    # OAuth for machines. A worker deletes what has ended; the library's own tables hold nothing, ever.
    "oauth.Application": Wall(app=all_of(OWN_OR_OPERATOR), worker=CLOSED),
    "oauth.AccessToken": Wall(
        app=Door(select=OWN_OR_OPERATOR, insert=OWN, update=OWN), worker=Door(select=OWN, delete=OWN)
    ),
    "oauth.UsedAssertion": Wall(app=appending(OWN), worker=Door(select=OWN, delete=OWN)),
    **{
        f"oauth2_provider.{name}": Wall(app=CLOSED, worker=CLOSED)
        for name in ("Grant", "IDToken", "RefreshToken", "DeviceGrant")
    },
    # Jobs: a worker crosses institutions here and nowhere else, to claim and to finish.
    "jobs.Job": Wall(
        app=Door(select=OWN_OR_OPERATOR, insert=OWN, update=OWN),
        worker=Door(select=ANY, insert=OWN, update=ANY, delete=OWN),
    ),
    # The trail is added to. What concerns the installation itself belongs to no institution.
    "audit.AuditEvent": Wall(
        app=Door(
            select=either(OWN, OPERATOR),
            insert=either(OWN, OPERATOR, OF_NOBODY, SIGNING_IN),
        ),
        worker=Door(
            select=either(OWN, f"{OF_NOBODY} AND {NOBODY}"),
            insert=either(OWN, OF_NOBODY),
        ),
    ),
    # Its seals are made by a worker, chain by chain; the installation's chain in nobody's scope.
    "audit.AuditSeal": Wall(
        app=reading(OWN_OR_OPERATOR),
        worker=appending(either(OWN, f"{OF_NOBODY} AND {NOBODY}")),
    ),
    # What belongs to nobody.
    "registry.ModelVersion": Wall(app=reading(ANY), worker=reading(ANY)),
    "contenttypes.ContentType": Wall(app=reading(ANY), worker=reading(ANY)),
    "auth.Permission": Wall(app=reading(ANY), worker=CLOSED),
    # What is asked while somebody signs in, and what is remembered against guessing.
    **{
        label: Wall(app=all_of(OF_PEOPLE), worker=CLOSED)
        for label in (
            *("account.EmailAddress", "account.EmailConfirmation", "mfa.Authenticator"),
            *("socialaccount.SocialAccount", "socialaccount.SocialApp", "socialaccount.SocialToken"),
        )
    },
    "people.Remembered": Wall(app=all_of(ANY), worker=Door(select=ANY, delete=ANY)),
    "auth.Group": Wall(app=all_of(OPERATOR), worker=CLOSED),
    "auth.Group_permissions": Wall(app=all_of(OPERATOR), worker=CLOSED),
    "admin.LogEntry": Wall(app=Door(select=OPERATOR, insert=ANY), worker=CLOSED),
    "sessions.Session": Wall(app=all_of(ANY), worker=Door(select=ANY, delete=ANY)),
}


def wall_of(model: type[models.Model]) -> Wall | None:
    """What stands around a model's table; None if nobody said, and then it is closed."""
    label = model._meta.label  # noqa: SLF001 - public but for its name
    return DECLARED.get(label) or (STANDARD if has_institution(model) else None)


def has_institution(model: type[models.Model]) -> bool:
    """Whether every row of the model belongs to an institution."""
    fields = {field.name: field for field in model._meta.concrete_fields}  # noqa: SLF001 - see above
    field = fields.get("institution")
    return field is not None and field.column == "institution_id" and not field.null
