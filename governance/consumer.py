"""What a worker does on its connection to the broker."""

from celery.worker.consumer import Consumer

NOT_NEEDED = "celery.worker.consumer.delayed_delivery:DelayedDelivery"


class PlainConsumer(Consumer):
    """Celery's consumer without delayed delivery: nothing is sent for later, and it would declare 28 more queues."""

    class Blueprint(Consumer.Blueprint):  # type: ignore[valid-type,misc]
        """The same steps without that one."""

        default_steps = [step for step in Consumer.Blueprint.default_steps if step != NOT_NEEDED]
