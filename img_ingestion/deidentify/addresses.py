"""Street addresses in folded text: English, German, and Romance order."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from img_ingestion.deidentify.vocabulary import is_clinical, listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from img_ingestion.deidentify.span import Span

STREET = (
    r"(?:avenue|ave|boulevard|blvd|crescent|drive|expressway|freeway|highway|hwy|lane|ln|parkway|pkwy"
    r"|plaza|roads?|rd|streets?|st|terrace|turnpike|court|close|square|squares|way|alley|mews|manor"
    r"|strasse|str|weg|gasse|platz|allee|avenida|calle)"
)
# USPS Publication 28, Appendix C1: those that radiologists also say need a word before them that
# is no clinical one.
STREET_OR_NOT = (
    r"(?:aly|annex|arcade|av|bayou|beach|bend|bluffs?|bottom|branch|bridge|brooks?|burgs?|bypass|camp"
    r"|canyon|cape|causeway|center|circles?|cir|cliffs?|club|commons?|corners?|course|ct|coves?"
    r"|creek|crest|cres|crossing|crossroads?|curve|dale|dam|divide|dr|estates?|extension|falls|ferry"
    r"|fields?|flats?|fords?|forest|forges?|forks?|fort|gardens?|gateway|glens?|greens?|groves?"
    r"|harbors?|haven|heights|hills?|hollow|inlet|islands?|isle|junctions?|keys?|knolls?|lakes?"
    r"|landing|lights?|loaf|locks?|lodge|loop|mall|manors|meadows?|mills?|mission|motorway|mount"
    r"|mountains?|neck|orchard|oval|overpass|parks?|passage|path|pike|pines?|place|pl|plains?|points?"
    r"|ports?|prairie|radial|ramp|ranch|rapids?|rest|ridges?|river|route|row|rue|run|shoals?|shores?"
    r"|skyway|springs?|spurs?|sq|station|stravenue|stream|summit|ter|throughway|trace|track"
    r"|trafficway|trail|tunnel|underpass|unions?|valleys?|via|viaduct|views?|villages?|ville|vista"
    r"|walks?|wall|wells?)"
)
COUNTED = listed("counted")
"""`2 weeks`, `3 views`: what stands after a count stands after no house number."""
UNIT = r"(?:,?\s*(?:apt|suite|ste|unit|#)\.?\s*\w+)?(?:,?\s*\d{4,5}(?!\d))?"
HOUSE = r"(?<![\w/])(?<!\d\.)\d{1,5}[a-z]?,?\s+"
NAMED = r"(?P<words>(?:[^\W\d_]+\.?\s+){1,3}?)"

ROAD = re.compile(rf"{HOUSE}{NAMED}{STREET}\b\.?{UNIT}")
PLACE = re.compile(rf"{HOUSE}{NAMED}{STREET_OR_NOT}\b\.?{UNIT}")
JOINED = re.compile(
    r"(?<!\w)[^\W\d_]{3,}(?:strasse|str\.|weg|gasse|platz|allee|straat|laan|gatan|vagen|vej|utca)"
    r",?\s+\d{1,4}[a-z]?(?!\w)(?:,?\s+\d{4,5}(?!\d)(?:\s+[^\W\d_]+)?)?"
)
KIND = (
    r"(?:rue|rua|calle|avenida|avda|avenue|boulevard|viale|via|piazza|corso|strada|chemin|impasse"
    r"|quai|ulica|ul\.|plac|plaza|paseo|travessa)"
)
OF = r"(?:(?:de|du|des|del|della|dei|do|da|dos|das|di|la|le|les|los|las)\s+|[dl]')*"
ROMANCE = re.compile(
    rf"(?<![\w/])(?:\d{{1,4}}\s?(?:bis|ter|[a-d])?,?\s+{KIND}\s+{OF}(?P<one>[^\W\d_]+)"
    rf"|{KIND}\s+{OF}(?P<two>[^\W\d_]+)(?:\s+[^\W\d_]+)?,?\s+\d{{1,4}}(?!\w))"
    r"(?:,?\s+\d{4,5}\s+[^\W\d_]+)?"
)
STATE = (
    r"(?:a[klrz]|c[aot]|d[ce]|fl|ga|hi|i[adln]|k[sy]|la|m[adeinost]|n[cdehjmvy]|o[hkr]|pa|ri|s[cd]"
    r"|t[nx]|ut|v[at]|w[aivy])"
)
"""Of the United States, as USPS abbreviates them."""
CITY = re.compile(rf"(?<!\w)[^\W\d_]+,\s*{STATE}\.?\s+\d{{5}}(?:-\d{{4}})?(?!\d)")


def spans(text: str) -> Iterator[Span]:
    """Give street addresses, also those whose last word may be a clinical one."""
    certain = {}
    for match in ROAD.finditer(text):
        if match["words"].split()[0].rstrip(".") not in COUNTED:
            certain[match.start()] = match.end()
    yield from certain.items()
    for match in PLACE.finditer(text):
        named = re.findall(r"[^\W\d_]+", match["words"])
        counted = named[0] in COUNTED or all(map(is_clinical, named))
        if match.start() not in certain and not counted:
            yield match.span()
    yield from (match.span() for kind in (JOINED, CITY) for match in kind.finditer(text))
    for match in ROMANCE.finditer(text):
        if not is_clinical(match["one"] or match["two"]):
            yield match.span()
