"""Makes sure that the port of the web server is ours to take."""

import socket

from governance.errors import Conflict

HOST = "127.0.0.1"


class PortTaken(Conflict):
    """Nothing of ours can listen there; whoever answers on it is somebody else."""

    code = "port_taken"


def require_free(port: int) -> None:
    """Raise `PortTaken` unless a server can listen on the port now."""
    with socket.socket() as probe:
        # As the web server does: a connection that lingers from an earlier run is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
            probe.listen()
        except (OSError, OverflowError) as problem:
            raise PortTaken(
                f"The web server cannot listen on port {port} ({problem}); choose another one with --port."
            ) from problem
