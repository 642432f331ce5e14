"""Country codes and regions, as the terms of licenses use them. Pure."""

from governance.countries import CODES, EUROPEAN_UNION, REGIONS, lies_in

__all__ = ["CODES", "EUROPEAN_UNION", "REGIONS", "lies_in"]
