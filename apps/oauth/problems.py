"""Why the token endpoint refuses: a reason for the logs, and the little that a stranger is told (RFC 6749, 5.2)."""

from apps.common.errors import DomainError, InvalidInput


class ClientRefused(DomainError):
    """Whoever asks did not prove to be a client. The caller learns no more than that; ``reason`` is for the logs.

    Attributes:
        reason: one word, e.g. ``signature`` or ``replayed``; never anything that was sent.
    """

    code = "invalid_client"

    def __init__(self, reason: str) -> None:
        super().__init__("The client could not be authenticated.")
        self.reason = reason


class TokenRefused(DomainError):
    """The access token is unknown, revoked or expired: they look the same."""

    code = "token_refused"


class KeySetRefused(InvalidInput):
    """A key set that no assertion can be verified with."""

    code = "key_set_refused"
