"""The published logs: checkpoints, keys, tiles and entry bundles (C2SP tlog-tiles); public."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from audit import store
from audit.api.media import BYTES, TEXT, OneRepresentation, answer
from audit.events import Log
from audit.models import Tile
from audit.tlog import bundles, paths
from governance import keys
from governance.errors import NotFound

FRESH = "public, max-age=0, must-revalidate"
SHORT = "public, max-age=3600"
FOR_EVER = "public, max-age=31536000, immutable"
LOG = OpenApiParameter("log", str, OpenApiParameter.PATH, enum=[log.value for log in Log])
TILE = OpenApiParameter(
    "tile", str, OpenApiParameter.PATH, description="`<L>/<N>[.p/<W>]` or `entries/<N>[.p/<W>]`"
)


class LogView(APIView):
    """What every published thing of a log has in common."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    content_negotiation_class = OneRepresentation


def log_of(name: str) -> Log:
    """The log of this name."""
    try:
        return Log(name)
    except ValueError:
        raise NotFound("There is no such log.") from None


class CheckpointView(LogView):
    """The newest signed checkpoint."""

    @extend_schema(
        operation_id="log_checkpoint",
        tags=["log"],
        parameters=[LOG],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, _: Request, log: str) -> HttpResponse:
        """Answer the signed note as it was signed."""
        signed = store.newest_checkpoint(log_of(log))
        if signed is None:
            raise NotFound("Nothing has been signed yet.")
        return answer(signed, content_type=TEXT, cache=FRESH)


class VkeyView(LogView):
    """The key that checkpoints are verified with."""

    @extend_schema(
        operation_id="log_vkey",
        tags=["log"],
        parameters=[LOG],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, _: Request, log: str) -> HttpResponse:
        """Answer the verification key; pin it where you trust the way it came."""
        return answer(f"{keys.log_key(log_of(log)).vkey}\n".encode(), content_type=TEXT, cache=FRESH)


class TileView(LogView):
    """Tiles of hashes, and bundles of entries."""

    @extend_schema(
        operation_id="log_tile",
        tags=["log"],
        parameters=[LOG, TILE],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, _: Request, log: str, tile: str) -> HttpResponse:
        """Answer a tile of the signed tree; a full one never changes."""
        name = log_of(log)
        try:
            path = paths.parse(tile)
        except paths.TilePathMalformed:
            raise NotFound("This is not the path of a tile.") from None
        if path.end > store.size_of(store.newest_checkpoint(name)):
            raise NotFound("The signed tree does not reach to this tile yet.")
        cache = FOR_EVER if path.width == paths.WIDTH else SHORT
        data = _entries(name, path) if path.level is None else _hashes(name, path)
        return answer(data, content_type=BYTES, cache=cache)


def _hashes(log: Log, path: paths.TilePath) -> bytes:
    row = Tile.objects.get(log=log, level=path.level or 0, number=path.number)
    return bytes(row.data)[: path.width * 32]


def _entries(log: Log, path: paths.TilePath) -> bytes:
    start = path.number * paths.WIDTH
    return bundles.encode(store.leaves_between(log, start=start, end=start + path.width))
