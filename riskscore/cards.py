"""Full card numbers, recognised so that they are refused: PCI DSS 4.0.1 allows none to be stored."""

import re

# Contiguous, or in the groups cards print; a run of its own, never part of a longer word.
CANDIDATE = re.compile(
    r"(?<![\w-])(?:[0-9]{12,19}"
    r"|[0-9]{4}(?P<four>[ -])[0-9]{4}(?P=four)[0-9]{4}(?P=four)[0-9]{1,7}"
    r"|[0-9]{4}(?P<six>[ -])[0-9]{6}(?P=six)[0-9]{4,5})(?![\w-])"
)
# First digits that ISO/IEC 7812 gives to banking and travel, and to Mastercard's second range.
ISSUER = re.compile(r"[3-6]|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)")


def holds_card_number(text: str) -> bool:
    """Whether a text is, or contains, 12 to 19 digits that an issuer could have given and that pass Luhn.

    One in ten numbers of that length with such a beginning passes by chance: identifiers of digits
    alone need a letter in front.

    >>> holds_card_number("4111 1111 1111 1111"), holds_card_number("paid by 4111111111111111!")
    (True, True)
    >>> holds_card_number("4111111111111112"), holds_card_number("A4111111111111111")
    (False, False)
    """
    ascii_text = "".join(str(int(character)) if character.isdecimal() else character for character in text)
    found = (re.sub("[ -]", "", match.group()) for match in CANDIDATE.finditer(ascii_text))
    return any(ISSUER.match(digits) and luhn_valid(digits) for digits in found)


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it (ISO/IEC 7812-1)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
