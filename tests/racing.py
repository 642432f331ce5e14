"""The same deed from many threads at once, each with a connection of its own."""

import threading
from typing import Any

from django.db import connection


def race(count: int, work: Any) -> list[Any]:
    """Do the same in many threads at once; what each got, or the exception that it met."""
    barrier, found = threading.Barrier(count), []

    def one() -> None:
        try:
            barrier.wait(timeout=30)
            found.append(work())
        except Exception as error:  # noqa: BLE001 - the test looks at it
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return found
