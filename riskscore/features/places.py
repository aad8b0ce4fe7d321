"""Countries as rough places: where people live, which clocks they keep. Coarse on purpose."""

import math
from dataclasses import dataclass
from enum import IntEnum

EARTH_RADIUS_KM = 6371.0


class Region(IntEnum):
    """Part of the world; the model sees this and distances, never the country itself."""

    MISSING = 0
    EUROPE = 1
    NORTH_AMERICA = 2
    LATIN_AMERICA = 3
    AFRICA = 4
    MIDDLE_EAST = 5
    SOUTH_ASIA = 6
    EAST_ASIA = 7
    OCEANIA = 8
    OTHER = 9


@dataclass(frozen=True, slots=True)
class Place:
    """A country's populated centre, degrees, and the range of its clocks, minutes east of UTC."""

    latitude: float
    longitude: float
    region: Region
    earliest_offset: int
    latest_offset: int


_TABLE = """
GB 52.5 -1.5 1 0 60; IE 53.3 -7 1 0 60; FR 47 2.5 1 60 120; DE 51 10 1 60 120; NL 52.2 5.2 1 60 120
BE 50.8 4.5 1 60 120; LU 49.7 6.1 1 60 120; ES 40 -3.5 1 0 120; PT 39.5 -8.5 1 -60 60; IT 42.8 12.5 1 60 120
CH 47 8 1 60 120; AT 47.8 14 1 60 120; DK 55.8 10.5 1 60 120; SE 59 16 1 60 120; NO 60 10 1 60 120
FI 61 25 1 120 180; IS 64.5 -21 1 0 0; PL 52 19.5 1 60 120; CZ 49.8 15.5 1 60 120; SK 48.7 19.5 1 60 120
HU 47.2 19.3 1 60 120; RO 45.5 25.5 1 120 180; BG 42.7 25 1 120 180; GR 38.5 23.5 1 120 180; HR 45.5 16 1 60 120
SI 46 14.8 1 60 120; RS 44.2 20.8 1 60 120; UA 49.5 31 1 120 180; LT 55 24 1 120 180; LV 57 24.5 1 120 180
EE 59 25.5 1 120 180; MT 35.9 14.4 1 60 120; CY 35 33 1 120 180; AL 41.2 20 1 60 120; MD 47 28.8 1 120 180
RU 55.5 45 1 120 720; BY 53.5 28 1 180 180; US 39 -92 2 -600 -240; CA 47 -85 2 -480 -150; MX 20.5 -100 3 -480 -300
BR -18 -46 3 -300 -120; AR -33.5 -61 3 -180 -180; CL -33.5 -71 3 -360 -180; CO 5 -74.5 3 -300 -300
PE -11 -76 3 -300 -300; DO 18.8 -70 3 -240 -240; JM 18.1 -77 3 -300 -300; EC -1.5 -79 3 -360 -300
NG 8 7 4 60 60; GH 6.5 -1.2 4 0 0; KE -0.8 37 4 180 180; ZA -28 27.5 4 120 120; EG 30 31.2 4 120 180
MA 33 -7 4 0 60; TN 36 10 4 60 60; CI 6 -5 4 0 0; SN 14.6 -16.5 4 0 0; ET 9 39 4 180 180; TZ -6 36 4 180 180
TR 40 31 5 180 180; IL 32 34.9 5 120 180; AE 25 55.2 5 240 240; SA 24.5 45 5 180 180; QA 25.3 51.4 5 180 180
IR 34.5 51 5 210 270; IQ 33 44 5 180 180; IN 23 78.5 6 330 330; PK 31 72 6 300 300; BD 23.8 90.3 6 360 360
LK 7.2 80.2 6 330 330; NP 27.7 85.3 6 345 345; CN 32.5 113 7 480 480; HK 22.3 114.2 7 480 480; TW 24.2 120.8 7 480 480
JP 35.5 138 7 540 540; KR 37 127.3 7 540 540; SG 1.35 103.8 7 480 480; MY 3.5 102 7 480 480; TH 14.5 100.6 7 420 420
VN 16 107 7 420 420; PH 14 121.5 7 480 480; ID -6.8 109 7 420 540; AU -34 147 8 480 660; NZ -38.5 175.5 8 720 780
"""


def _parse(row: str) -> tuple[str, Place]:
    code, latitude, longitude, region, earliest, latest = row.split()
    return code, Place(float(latitude), float(longitude), Region(int(region)), int(earliest), int(latest))


PLACES = dict(_parse(row) for line in _TABLE.strip().splitlines() for row in line.split(";"))


def region_of(country: str) -> Region:
    """Region of an ISO 3166-1 alpha-2 code; MISSING for "", OTHER for a country outside the table."""
    if not country:
        return Region.MISSING
    place = PLACES.get(country)
    return place.region if place else Region.OTHER


def distance_km(here: str, there: str) -> float | None:
    """Great-circle distance between the centres of two countries; None if either is unknown.

    >>> distance_km("GB", "GB")
    0.0
    """
    if here == there and here:
        return 0.0
    if here not in PLACES or there not in PLACES:
        return None
    a, b = PLACES[here], PLACES[there]
    lat_a, lat_b = math.radians(a.latitude), math.radians(b.latitude)
    turn = math.radians(b.longitude - a.longitude)
    cosine = math.sin(lat_a) * math.sin(lat_b) + math.cos(lat_a) * math.cos(lat_b) * math.cos(turn)
    return EARTH_RADIUS_KM * math.acos(max(-1.0, min(1.0, cosine)))


def keeps_clock(country: str, offset_minutes: int) -> bool | None:
    """Whether a clock set so many minutes east of UTC is at home in the country; None if it is unknown."""
    place = PLACES.get(country)
    return None if place is None else place.earliest_offset <= offset_minutes <= place.latest_offset
