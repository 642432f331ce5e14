"""The Celery application: queues, delivery promises and the schedule."""

import os
from datetime import timedelta
from typing import Any

from celery import Celery
from celery.signals import worker_init
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from governance import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")

QUEUES = ("default", "verify", "smoke")

app = Celery("modelcustody")
app.conf.update(
    **broker.settings_for(settings.BROKER_URL, queues=QUEUES, folder=settings.PATHS.broker),
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # a broker that is away for long comes back some time
    # What is under way when the connection breaks goes on: its result does not go through the broker.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_consumer="governance.consumer:PlainConsumer",
    worker_enable_remote_control=False,  # whoever can write to the broker shall not command workers
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,  # results live in run rows
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    # A pool's process that has grown, or is old, makes way for a fresh one after its task.
    worker_max_memory_per_child=512 * 1024,  # KiB
    worker_max_tasks_per_child=1000,
    task_default_queue="default",
    task_create_missing_queues=False,
    worker_hijack_root_logger=False,
    timezone="UTC",
    beat_schedule={
        "sweep-runs": {"task": "registry.tasks.sweep_runs_task", "schedule": timedelta(seconds=10)},
        "expire-approvals": {
            "task": "registry.tasks.expire_approvals_task",
            "schedule": timedelta(minutes=1),
        },
        "watch-sources": {
            "task": "registry.tasks.watch_due_sources_task",
            "schedule": timedelta(minutes=5),
        },
        "read-copies-again": {
            "task": "registry.tasks.reverify_due_task",
            "schedule": timedelta(minutes=5),
        },
        "begin-due-reevaluations": {
            "task": "registry.tasks.begin_due_reevaluations_task",
            "schedule": timedelta(minutes=1),
        },
    },
    beat_schedule_filename=str(settings.PATHS.run / "beat-schedule"),
)
app.autodiscover_tasks()


@worker_init.connect
def refuse_weak_database(**_: Any) -> None:
    """Refuse to work on a database that could lose what was acknowledged."""
    from audit import checks, durability

    try:
        durability.require()
    except ImproperlyConfigured as error:
        # Celery logs and forgets any other exception of a signal's receiver.
        raise SystemExit(str(error)) from error
    checks.warn_of_rights()
