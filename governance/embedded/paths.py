"""Where everything lies under the data folder."""

import dataclasses
import hashlib
import os
import urllib.parse
from pathlib import Path
from typing import Literal

Role = Literal["custody_owner", "custody_app", "custody_sequencer"]

DATABASE = "custody"
PORT = 5432

# sockaddr_un holds 107 bytes; PostgreSQL also makes a lock file beside the socket.
LONGEST_SOCKET = 100
SHORT_ROOT = Path("/tmp")  # noqa: S108 - only for data folders too deep for a socket; made 0700, owner checked


@dataclasses.dataclass(frozen=True)
class Paths:
    """The folders of one installation, all derived from its data folder."""

    data_dir: Path

    def __post_init__(self) -> None:
        if not self.data_dir.is_absolute():
            raise ValueError(f"the data folder must be an absolute path: {self.data_dir}")

    @property
    def postgres(self) -> Path:
        """The PostgreSQL cluster."""
        return self.data_dir / "postgres"

    @property
    def socket_dir(self) -> Path:
        """The folder of PostgreSQL's socket: ours, or a short one where ours is too deep."""
        folder = self.run / "postgres"
        if len(os.fsencode(folder / f".s.PGSQL.{PORT}")) <= LONGEST_SOCKET:
            return folder
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()
        return SHORT_ROOT / f"modelcustody-{digest[:16]}"

    @property
    def broker(self) -> Path:
        """Messages of the broker that needs no server."""
        return self.data_dir / "broker"

    @property
    def secrets(self) -> Path:
        """Secret settings made at the first start."""
        return self.data_dir / "secrets"

    @property
    def keys(self) -> Path:
        """Private signing keys."""
        return self.data_dir / "keys"

    @property
    def trust(self) -> Path:
        """Public keys, for auditors to pin."""
        return self.data_dir / "trust"

    @property
    def models(self) -> Path:
        """The model store."""
        return self.data_dir / "models"

    @property
    def spool(self) -> Path:
        """Records of served requests that are not acknowledged yet."""
        return self.data_dir / "spool"

    @property
    def logs(self) -> Path:
        """What the child processes print."""
        return self.data_dir / "logs"

    @property
    def run(self) -> Path:
        """Locks, sockets and process ids of what runs now."""
        return self.data_dir / "run"

    @property
    def packs(self) -> Path:
        """Exported evidence packs."""
        return self.data_dir / "packs"

    def database_url(self, role: Role) -> str:
        """Address the embedded database as one of its roles, over its socket.

        The folder goes into the query because django-environ and libpq agree only there.
        """
        query = urllib.parse.urlencode({"host": self.socket_dir, "port": PORT}, quote_via=urllib.parse.quote)
        return f"postgresql://{role}@/{DATABASE}?{query}"

    def secret(self, name: str) -> str:
        """A secret setting made at the first start; empty where there is none."""
        file = self.secrets / name
        return file.read_text().strip() if file.is_file() else ""
