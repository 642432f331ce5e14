from pathlib import Path

import pytest

from governance import broker, celery

FOLDER = Path("/data/broker")


def settings_of(url: str) -> dict[str, object]:
    return broker.settings_for(url, queues=("default", "verify"), folder=FOLDER)


def test_the_broker_without_a_server_has_one_folder_for_both_directions() -> None:
    options = settings_of("filesystem://")["broker_transport_options"]

    assert options["data_folder_in"] == options["data_folder_out"] == "/data/broker/queue"


@pytest.mark.parametrize("url", ["redis://h/0", "rediss://h/0", "sentinel://h:26379"])
def test_redis_redelivers_nothing_that_may_still_be_under_way(url: str) -> None:
    found = settings_of(url)

    assert found["broker_transport_options"]["visibility_timeout"] > broker.LONGEST_TASK_SECONDS
    assert all(queue.queue_arguments is None for queue in found["task_queues"])


@pytest.mark.parametrize("url", ["amqp://h//", "amqps://h//", "pyamqp://h//"])
def test_rabbitmq_has_quorum_queues_confirms_and_bounded_deliveries(url: str) -> None:
    found = settings_of(url)

    assert [queue.name for queue in found["task_queues"]] == ["default", "verify"]
    for queue in found["task_queues"]:
        assert queue.queue_arguments["x-queue-type"] == "quorum"
        assert queue.queue_arguments["x-consumer-timeout"] > broker.LONGEST_TASK_SECONDS * 1000
        assert queue.queue_arguments["x-delivery-limit"] == broker.MOST_DELIVERIES
    assert found["broker_transport_options"] == {"confirm_publish": True}
    assert found["broker_heartbeat"] == broker.HEARTBEAT_SECONDS


def test_no_task_may_take_longer_than_brokers_wait() -> None:
    celery.app.loader.import_default_modules()
    ours = {name: task for name, task in celery.app.tasks.items() if name.startswith("registry.")}

    assert len(ours) >= 8
    for name, task in ours.items():
        assert task.time_limit is not None, name
        assert task.time_limit <= broker.LONGEST_TASK_SECONDS, name
        assert task.acks_late
        assert task.reject_on_worker_lost


def test_a_worker_takes_one_message_at_a_time_and_no_commands() -> None:
    conf = celery.app.conf

    assert (conf.worker_prefetch_multiplier, conf.worker_enable_remote_control) == (1, False)
    assert conf.broker_connection_max_retries is None
