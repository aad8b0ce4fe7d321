"""Where somebody stands: the institutions they work in, and what they do there."""

from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from apps.tenants.models import Institution, Membership, User
from apps.tenants.roles import SECOND_FACTOR, Role


@dataclass(frozen=True)
class Standing:
    """Everything somebody is, read in one query.

    Attributes:
        memberships: with their institutions, by the institution's name.
    """

    user: User
    memberships: tuple[Membership, ...]

    @cached_property
    def institutions(self) -> dict[str, Institution]:
        """Where they have a role, by identifier, in the order of their names."""
        return {str(membership.institution_id): membership.institution for membership in self.memberships}

    @property
    def needs_second_factor(self) -> bool:
        """Whether a password alone lets them do nothing."""
        return self.user.is_staff or any(Role(each.role) in SECOND_FACTOR for each in self.memberships)

    def roles(self, institution_id: UUID) -> frozenset[Role]:
        """What they do in one institution."""
        return frozenset(Role(each.role) for each in self.memberships if each.institution_id == institution_id)


def standing_of(user: User) -> Standing:
    """Where somebody stands now."""
    memberships = Membership.objects.filter(user=user).select_related("institution").order_by("institution__name")
    return Standing(user=user, memberships=tuple(memberships))
