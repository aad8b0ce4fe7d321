"""Facts and figures that the made-up lives lean on, each with where it comes from.

Spending weights, mean amounts and days of the week: rounded from the profiles of Sparkov Data Generation
(namebrandon/Sparkov_Data_Generation b5eb45c, MIT), averaged over sex and town or country, amounts in
units of the account's currency. Shares of screens, cores, memory and browsers: marginals by platform of
the December 2025 fingerprint network of apify/fingerprint-suite (Apache-2.0), with phones weighted up,
since that network saw 10 % of them and a bank sees most people on one. Countries, categories and codes are
ISO 3166-1, ISO 18245 and ISO 4217.
"""

from dataclasses import dataclass
from enum import StrEnum

from riskscore.events import Channel


class Age(StrEnum):
    """Age bands of the spending profiles."""

    YOUNG = "young"
    MIDDLE = "middle"
    OLDER = "older"


@dataclass(frozen=True, slots=True)
class Spending:
    """One category of spending: code, channel, weight by age band (young, middle, older), amounts."""

    mcc: str
    channel: Channel
    weights: tuple[int, int, int]
    mean: float
    spread: float  # of the log

    @property
    def is_online(self) -> bool:
        """Whether it is bought on the web."""
        return self.channel is Channel.ECOMMERCE


SPENDING: tuple[Spending, ...] = (
    Spending("5541", Channel.POS, (175, 120, 190), 62.0, 0.35),
    Spending("4111", Channel.POS, (150, 90, 50), 4.0, 0.5),
    Spending("5411", Channel.ECOMMERCE, (70, 70, 20), 55.0, 0.45),
    Spending("5411", Channel.POS, (62, 150, 150), 48.0, 0.75),
    Spending("5968", Channel.ECOMMERCE, (90, 64, 75), 24.0, 1.0),
    Spending("5999", Channel.POS, (100, 100, 82), 32.0, 0.9),
    Spending("5732", Channel.ECOMMERCE, (112, 121, 100), 70.0, 1.0),
    Spending("5651", Channel.POS, (125, 137, 130), 52.0, 0.85),
    Spending("7832", Channel.POS, (125, 101, 117), 28.0, 0.7),
    Spending("5812", Channel.POS, (130, 107, 105), 30.0, 0.65),
    Spending("5814", Channel.POS, (120, 100, 60), 9.0, 0.5),
    Spending("8099", Channel.POS, (105, 95, 102), 40.0, 0.8),
    Spending("5200", Channel.POS, (67, 150, 150), 45.0, 0.9),
    Spending("5977", Channel.POS, (100, 94, 120), 30.0, 0.7),
    Spending("5816", Channel.ECOMMERCE, (140, 60, 15), 8.0, 0.9),
    Spending("4722", Channel.ECOMMERCE, (45, 40, 60), 180.0, 1.1),
)

DAY_WEIGHTS: dict[Age, tuple[int, ...]] = {  # Monday first
    Age.YOUNG: (70, 75, 80, 85, 190, 250, 162),
    Age.MIDDLE: (80, 90, 100, 100, 131, 156, 156),
    Age.OLDER: (80, 90, 100, 100, 150, 175, 175),
}
CARD_EVENTS_A_DAY: dict[Age, tuple[float, float]] = {
    Age.YOUNG: (0.3, 2.2),
    Age.MIDDLE: (0.4, 1.9),
    Age.OLDER: (0.2, 1.3),
}
HOUR_WEIGHTS = (2, 1, 1, 1, 1, 2, 8, 18, 28, 30, 34, 40, 52, 48, 42, 44, 54, 66, 62, 50, 38, 26, 14, 6)
ONLINE_HOUR_WEIGHTS = (10, 5, 3, 2, 2, 3, 8, 16, 24, 28, 30, 32, 36, 32, 30, 32, 36, 42, 50, 60, 64, 58, 42, 22)

# Home countries with their weight, currency and languages; where their people travel.
HOMES: tuple[tuple[str, int, str, str], ...] = (
    ("GB", 20, "GBP", "en-GB"),
    ("DE", 20, "EUR", "de-DE"),
    ("FR", 14, "EUR", "fr-FR"),
    ("ES", 9, "EUR", "es-ES"),
    ("IT", 9, "EUR", "it-IT"),
    ("NL", 8, "EUR", "nl-NL"),
    ("PL", 6, "PLN", "pl-PL"),
    ("IE", 4, "EUR", "en-IE"),
    ("US", 10, "USD", "en-US"),
)
TRAVEL: tuple[tuple[str, int], ...] = (
    ("ES", 16), ("FR", 12), ("IT", 12), ("GR", 8), ("PT", 7), ("TR", 8), ("GB", 6), ("DE", 6), ("US", 8),
    ("HR", 4), ("AT", 5), ("NL", 4), ("TH", 4), ("AE", 4), ("EG", 3), ("MX", 3), ("JP", 2), ("MA", 3),
    ("CH", 3), ("PL", 3), ("IN", 3), ("ZA", 1), ("BR", 1), ("AU", 1), ("RO", 2), ("NG", 1), ("VN", 1),
)  # fmt: skip
# Where strangers act from: much the same world, so that a country alone accuses nobody.
ATTACK_ORIGINS: tuple[tuple[str, int], ...] = (
    ("GB", 8), ("DE", 8), ("FR", 7), ("US", 10), ("ES", 5), ("NL", 6), ("RO", 6), ("TR", 5), ("IN", 5), ("NG", 5),
    ("BR", 5), ("UA", 3), ("VN", 4), ("MX", 3), ("ZA", 3), ("TH", 3), ("PH", 3), ("AE", 3), ("PL", 4), ("IT", 4),
)  # fmt: skip

PLATFORM_WEIGHTS = (("android", 44), ("ios", 34), ("windows", 15), ("macos", 6), ("linux", 1))
BROWSERS: dict[str, tuple[tuple[str, int], ...]] = {
    "windows": (("chrome", 80), ("edge", 15), ("firefox", 5)),
    "macos": (("chrome", 60), ("safari", 36), ("firefox", 4)),
    "linux": (("chrome", 80), ("firefox", 20)),
    "android": (("app", 60), ("chrome", 32), ("samsung", 6), ("firefox", 2)),
    "ios": (("app", 62), ("safari", 38)),
}
CORES: dict[str, tuple[tuple[int, int], ...]] = {
    "windows": ((8, 24), (12, 20), (4, 17), (16, 15), (20, 4), (2, 3), (24, 3), (6, 3)),
    "macos": ((8, 49), (10, 16), (12, 8), (4, 6), (14, 5), (6, 3), (16, 2)),
    "linux": ((8, 26), (12, 19), (4, 16), (2, 10), (16, 10), (6, 4)),
    "android": ((8, 80), (4, 8), (6, 6), (2, 2), (10, 2), (20, 2)),
    "ios": ((4, 60), (6, 40)),
}
MEMORY_GB: dict[str, tuple[tuple[float, int], ...]] = {  # 0 stands for not reported
    "windows": ((8, 83), (4, 8), (2, 4), (16, 3), (1, 2)),
    "macos": ((8, 63), (0, 29), (4, 4), (2, 4)),
    "linux": ((8, 65), (4, 13), (0, 12), (2, 6), (1, 4)),
    "android": ((8, 57), (4, 20), (2, 11), (0, 8), (1, 4)),
    "ios": ((0, 1),),
}
TOUCH_SHARE = {"windows": 0.12, "macos": 0.01, "linux": 0.12, "android": 0.998, "ios": 1.0}
SCREENS: dict[str, tuple[tuple[str, int], ...]] = {
    "windows": (("1920x1080", 27), ("1536x864", 20), ("2560x1440", 8), ("1366x768", 8), ("1280x720", 7)),
    "macos": (("1440x900", 16), ("1920x1080", 15), ("1512x982", 12), ("2560x1440", 9), ("1470x956", 9)),
    "linux": (("1920x1080", 37), ("2560x1440", 13), ("1366x768", 6), ("1680x1050", 4), ("800x600", 2)),
    "android": (("393x873", 11), ("384x832", 8), ("412x915", 8), ("360x800", 8), ("360x780", 5), ("800x1280", 3)),
    "ios": (("393x852", 25), ("390x844", 16), ("440x956", 15), ("430x932", 14), ("402x874", 13), ("820x1180", 4)),
}
