"""Which texts look like a full card number. The numbers are the schemes' published test numbers."""

import pytest

from riskscore.cards import holds_card_number


@pytest.mark.parametrize(
    "text",
    [
        "4111111111111111",
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555555555554444",
        "2223003122003222",
        "378282246310005",
        "3782 822463 10005",
        "6011111111111117",
        "30569309025904",
        "3566002020360505",
        "6200000000000005",
        "card 4111111111111111 declined",
        "(4111 1111 1111 1111)",
        "４１１１１１１１１１１１１１１１",
        "٤١١١١١١١١١١١١١١١",
    ],
)
def test_a_card_number_is_seen(text):
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "acc-1029",
        "4111111111111112",
        "411111…1111",
        "41111111111",
        "tx4111111111111111",
        "4111111111111111x",
        "1123090210-17",
        "1111111111111117",
        "DE89370400440532013000",
        "6f9619ff-8b86-4111-b42d-00cf4fc964ff",
        "12345678-1234-4123-8123-123456789012",
    ],
)
def test_an_ordinary_identifier_is_not_taken_for_one(text):
    assert not holds_card_number(text)
