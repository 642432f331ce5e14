"""Country codes, and the regions that they lie in. Pure."""

_ISO_3166 = """
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY
BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK
FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR
IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK
ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM
PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF
TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW
"""

_MEMBERS = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
# Parts of member states with codes of their own, where Union law applies: Aland and France's outermost regions.
_PARTS = "AX GF GP MF MQ RE YT"

CODES = frozenset(_ISO_3166.split())
EUROPEAN_UNION = frozenset((_MEMBERS + " " + _PARTS).split())
# The European Economic Area: the Union with Iceland, Liechtenstein and Norway.
EUROPEAN_ECONOMIC_AREA = EUROPEAN_UNION | {"IS", "LI", "NO"}
REGIONS = {"EU": EUROPEAN_UNION, "EEA": EUROPEAN_ECONOMIC_AREA}
# What people write for a code that means something else, or nothing.
MISTAKEN = {"UK": "GB", "EL": "GR", "PRC": "CN", "ROK": "KR", "USA": "US", "UAE": "AE"}


def is_named(code: str) -> bool:
    """Whether this is the code of a country or the name of a region."""
    return code in CODES or code in REGIONS


def lies_in(country: str, regions: tuple[str, ...] | frozenset[str]) -> bool:
    """Whether a country is one of the regions, or lies in one of them."""
    return country in regions or any(country in REGIONS.get(region, ()) for region in regions)
