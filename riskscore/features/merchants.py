"""Merchant category codes in the few groups that spend differently."""

# Upper bounds of ranges of ISO 18245 codes, and the group that ends there.
_BOUNDS: tuple[tuple[int, str], ...] = (
    (1499, "agriculture"),
    (2999, "contracting"),
    (3299, "airline"),
    (3499, "car_rental"),
    (3999, "hotel"),
    (4799, "transport"),
    (4829, "money_transfer"),
    (4999, "utilities"),
    (5299, "home"),
    (5499, "groceries"),
    (5599, "fuel_and_cars"),
    (5699, "clothing"),
    (5731, "furniture"),
    (5799, "electronics"),
    (5814, "restaurants"),
    (5929, "shops"),
    (5946, "jewelry_and_leisure"),
    (5999, "shops_online"),
    (6299, "finance"),
    (6999, "quasi_cash"),
    (7299, "personal"),
    (7799, "business"),
    (7994, "leisure"),
    (7995, "gambling"),
    (7999, "leisure"),
    (8099, "health"),
    (8299, "education"),
    (9999, "public"),
)
GROUP_NAMES = tuple(dict.fromkeys(name for _, name in _BOUNDS))


def category_group(code: str) -> str:
    """Group of an ISO 18245 merchant category code; "" for anything that is not one.

    >>> category_group("5411")
    'groceries'
    """
    if not (len(code) == 4 and code.isascii() and code.isdigit()):
        return ""
    return next((name for bound, name in _BOUNDS if int(code) <= bound), "")
