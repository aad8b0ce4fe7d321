"""Whom an installation takes on by itself."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """Who comes with a value of a provider's claim gets a role.

    Attributes:
        roles: institution's name and role, by the claim's value.
    """

    claim: str
    roles: dict[str, tuple[str, str]]

    def places(self, carried: object) -> list[tuple[str, str]]:
        """The roles for what somebody carries: one value or several.

        >>> Admission(claim="groups", roles={"fraud": ("First Bank", "analyst")}).places(["fraud", "golf"])
        [('First Bank', 'analyst')]
        """
        values = carried if isinstance(carried, list) else [carried]
        return list(
            dict.fromkeys(self.roles[value] for value in values if isinstance(value, str) and value in self.roles)
        )
