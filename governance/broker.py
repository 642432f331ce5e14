"""How Celery talks with each kind of broker.

A message is a hint: what is to be done stands in PostgreSQL. One that is lost is sent again by the sweep, and one that
comes twice finds nothing to claim. So brokers are set up to redeliver late rather than early, and to give a message up
rather than to deliver it for ever.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from celery import current_app
from kombu import Queue

# No task may take longer (a test holds each against this). A broker that redelivers what is not acknowledged within a
# shorter time would hand every long run to a second worker, which would find nothing to do.
LONGEST_TASK_SECONDS = 24 * 3600 + 300
REDELIVER_SECONDS = LONGEST_TASK_SECONDS + 3600
HEARTBEAT_SECONDS = 30
CONFIRM_SECONDS = 10
# A quorum queue drops a message that this many workers took and did not acknowledge; its run has ended long before.
MOST_DELIVERIES = 10


def tell(task: str, *, queue: str, **names: int) -> None:
    """Send the message that has a worker look at a row; raises where the broker does not take it within seconds."""
    current_app.send_task(
        task, kwargs=names, queue=queue, ignore_result=True, confirm_timeout=CONFIRM_SECONDS
    )


def settings_for(url: str, *, queues: Sequence[str], folder: Path) -> dict[str, Any]:
    """Celery's settings for the broker behind this address; `folder` is for the one that needs no server."""
    scheme = url.partition(":")[0].partition("+")[0]
    arguments: dict[str, Any] | None = None
    options: dict[str, Any] = {}
    if scheme == "filesystem":
        # One folder for both directions: every process of the machine reads and writes the same queues.
        options = {
            "data_folder_in": str(folder / "queue"),
            "data_folder_out": str(folder / "queue"),
            "control_folder": str(folder / "control"),
            "store_processed": False,
        }
    elif scheme in {"redis", "rediss", "sentinel"}:
        options = {
            "visibility_timeout": REDELIVER_SECONDS,
            "socket_keepalive": True,
            "retry_on_timeout": True,
            "health_check_interval": HEARTBEAT_SECONDS,
            "global_keyprefix": "modelcustody:",
        }
    elif scheme in {"amqp", "amqps", "pyamqp"}:
        # Replicated, on disk before it is confirmed; `x-consumer-timeout` in milliseconds, from RabbitMQ 3.12 on.
        arguments = {
            "x-queue-type": "quorum",
            "x-delivery-limit": MOST_DELIVERIES,
            "x-consumer-timeout": REDELIVER_SECONDS * 1000,
        }
        options = {"confirm_publish": True}
    return {
        "broker_url": url,
        "broker_transport_options": options,
        "broker_heartbeat": HEARTBEAT_SECONDS,
        "task_queues": [Queue(name, routing_key=name, queue_arguments=arguments) for name in queues],
    }
