import socket

import pytest

from governance.embedded import port


def test_a_free_port_is_left_free() -> None:
    with socket.socket() as other:
        other.bind((port.HOST, 0))
        number = other.getsockname()[1]

    port.require_free(number)
    port.require_free(number)


def test_a_port_where_somebody_listens_is_refused() -> None:
    with socket.socket() as other:
        other.bind((port.HOST, 0))
        other.listen()
        number = other.getsockname()[1]
        with pytest.raises(port.PortTaken, match=f"port {number} .*--port"):
            port.require_free(number)


@pytest.mark.parametrize("number", [-1, 70_000])
def test_a_number_that_is_no_port_is_refused(number: int) -> None:
    with pytest.raises(port.PortTaken, match="--port"):
        port.require_free(number)
