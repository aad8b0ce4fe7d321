"""Full card numbers, recognised so that they are refused: PCI DSS 4.0.1 allows none to be stored."""

import re

WHOLE = re.compile(r"\d(?:[ -]?\d){11,18}")
# Inside longer text: a run of its own, or digits in the groups cards print, not part of a longer word.
INSIDE = re.compile(r"(?<![\w-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2}[ -]\d{1,7}|\d{4}[ -]\d{6}[ -]\d{4,5})(?![\w-])")


def holds_card_number(text: str) -> bool:
    """Whether a text is, or contains, 12 to 19 digits that pass the Luhn check.

    One in ten numbers of that length passes by chance: identifiers need a letter in front.

    >>> holds_card_number("4111 1111 1111 1111"), holds_card_number("paid by 4111111111111111!")
    (True, True)
    >>> holds_card_number("4111 1111 1111 1112"), holds_card_number("ACC4111111111111111")
    (False, False)
    """
    if not text.isascii():
        text = "".join(str(int(character)) if character.isdecimal() else character for character in text)
    found = [text] if WHOLE.fullmatch(text) else INSIDE.findall(text)
    return any(luhn_valid(re.sub("[ -]", "", digits)) for digits in found)


def luhn_valid(digits: str) -> bool:
    """Whether the last digit is the check digit of those before it (ISO/IEC 7812-1)."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(doubled) + sum(int(digit) for digit in digits[-1::-2])) % 10 == 0
