"""Devices people own, and devices that pretend."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from riskscore.events import DeviceFingerprint, NetworkKind, Platform
from riskscore.features.places import PLACES
from training.transactions.facts import BROWSERS, CORES, MEMORY_GB, PLATFORM_WEIGHTS, SCREENS, TOUCH_SHARE

T = TypeVar("T")


def draw(rng: Random, weighted: Sequence[tuple[T, int]]) -> T:
    """One value of (value, weight) pairs."""
    return rng.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


def own_device(rng: Random, *, country: str, language: str, platform: str = "") -> DeviceFingerprint:
    """A device as somebody living in the country would buy it: its claims go together."""
    name = platform or draw(rng, PLATFORM_WEIGHTS)
    browser = draw(rng, BROWSERS[name])
    memory = draw(rng, MEMORY_GB[name])
    return DeviceFingerprint(
        id=f"{rng.getrandbits(64):016x}",
        platform=Platform(name),
        browser=browser,
        screen=draw(rng, SCREENS[name]),
        language=language,
        utc_offset_minutes=PLACES[country].earliest_offset,
        ip_country=country,
        network=usual_network(rng, platform=name),
        hardware_concurrency=draw(rng, CORES[name]),
        memory_gb=float(memory) if memory and browser not in ("safari", "firefox") else None,
        has_touch=rng.random() < TOUCH_SHARE[name],
        is_rooted=name == "android" and rng.random() < 0.01,
    )


def usual_network(rng: Random, *, platform: str) -> NetworkKind:
    """Where an honest device's address belongs."""
    is_phone = platform in ("android", "ios")
    weights = (55, 38, 4, 3) if is_phone else (80, 2, 14, 4)
    return rng.choices([NetworkKind.RESIDENTIAL, NetworkKind.MOBILE, NetworkKind.CORPORATE, NetworkKind.VPN], weights)[
        0
    ]


def abroad(rng: Random, device: DeviceFingerprint, country: str) -> DeviceFingerprint:
    """The same device on a trip: another address, the clock mostly set right, the same language."""
    offset = PLACES[country].earliest_offset if rng.random() < 0.85 else device.utc_offset_minutes
    network = rng.choice([NetworkKind.MOBILE, NetworkKind.RESIDENTIAL, NetworkKind.CORPORATE])
    return replace(device, ip_country=country, utc_offset_minutes=offset, network=network)


def behind_vpn(rng: Random, device: DeviceFingerprint, exits: Sequence[str]) -> DeviceFingerprint:
    """The same device behind a rented exit: address moves, clock stays."""
    network = NetworkKind.VPN if rng.random() < 0.7 else NetworkKind.HOSTING
    return replace(device, ip_country=rng.choice(exits), network=network)


def guarded(rng: Random, device: DeviceFingerprint) -> DeviceFingerprint:
    """The same device in a browser that blurs its fingerprint: honest, and incoherent."""
    return replace(
        device,
        id=f"{rng.getrandbits(64):016x}",
        hardware_concurrency=rng.choice([2, 3, 4, 6, 7, 8, 16]),
        memory_gb=rng.choice([0.5, 1.0, 2.0, 4.0, 8.0]),
        screen=rng.choice([device.screen, "1000x900", "1400x800", "500x900"]),
    )


def stranger(rng: Random, *, origin: str, home: str, victim: DeviceFingerprint) -> DeviceFingerprint:
    """A thief's device: its own, half of the time behind an address in the victim's country."""
    device = own_device(rng, country=origin, language=rng.choice(["en-US", "en-GB", victim.language]))
    if rng.random() < 0.5:
        network = rng.choice([NetworkKind.RESIDENTIAL, NetworkKind.MOBILE, NetworkKind.VPN])
        return replace(device, ip_country=home, network=network)
    network = rng.choice([NetworkKind.RESIDENTIAL, NetworkKind.MOBILE, NetworkKind.VPN, NetworkKind.HOSTING])
    return replace(device, network=network, is_rooted=rng.random() < 0.08)


def machine(rng: Random, *, home: str, language: str) -> DeviceFingerprint:
    """An emulator or a driven browser; half of them hide that they are one."""
    origin = home if rng.random() < 0.6 else rng.choice(["US", "NL", "DE", "FR"])
    device = own_device(rng, country=origin, language=language, platform=rng.choice(["android", "linux", "windows"]))
    is_android = device.platform is Platform.ANDROID
    return replace(
        device,
        is_emulator=is_android and rng.random() < 0.5,
        is_automated=not is_android and rng.random() < 0.5,
        is_rooted=is_android and rng.random() < 0.3,
        network=rng.choices(
            [NetworkKind.HOSTING, NetworkKind.RESIDENTIAL, NetworkKind.MOBILE, NetworkKind.TOR], [45, 35, 17, 3]
        )[0],
    )


def spoof(rng: Random, victim: DeviceFingerprint, *, origin: str) -> DeviceFingerprint:
    """A desktop that claims to be the victim's kind of device, and gets one to three details wrong."""
    truth = own_device(rng, country=origin, language=victim.language, platform=rng.choice(["windows", "linux"]))
    slips: dict[str, Any] = {
        "hardware_concurrency": rng.choice([12, 16, 20, 24, 32]),
        "screen": truth.screen,
        "has_touch": not victim.has_touch,
        "memory_gb": 8.0,
        "utc_offset_minutes": truth.utc_offset_minutes,
    }
    wrong = rng.sample(sorted(slips), rng.choice([1, 2, 2, 3]))
    network = rng.choice([NetworkKind.RESIDENTIAL, NetworkKind.VPN, NetworkKind.MOBILE])
    claim = replace(victim, id=f"{rng.getrandbits(64):016x}", network=network)
    return replace(claim, **{name: slips[name] for name in wrong})
