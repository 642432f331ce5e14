"""S3-compatible storage on this machine: moto's server, which checks who asks where it is told to."""

import dataclasses
import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from registry.sources.s3 import S3Settings

BUCKET, ACCOUNT = "models", "123456789012"


@dataclasses.dataclass
class Storage:
    """One bucket, and whoever may read it."""

    endpoint: str
    client: Any
    keys: tuple[str, str]

    @property
    def host(self) -> str:
        return self.endpoint.removeprefix("http://")

    @property
    def settings(self) -> S3Settings:
        return S3Settings(self.endpoint, "us-east-1", *self.keys)

    def put(self, key: str, content: bytes, **more: Any) -> None:
        self.client.put_object(Bucket=BUCKET, Key=key, Body=content, **more)

    def fill(self, keys: list[str]) -> None:
        """Many empty objects at once, past the server's door."""
        for key in keys:
            s3_backends[ACCOUNT]["aws"].put_object(BUCKET, key, b"")

    def empty(self) -> None:
        bucket = s3_backends[ACCOUNT]["aws"].get_bucket(BUCKET)
        bucket.keys.clear()


@contextmanager
def serving() -> Iterator[Storage]:
    """A server that lets in only a user who may do everything."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        _post(endpoint, "reset", b"")
        _post(endpoint, "reset-auth", b"inf")  # what was asked of an earlier server holds for the process
        iam = _client("iam", endpoint, ("any", "any"))
        iam.create_user(UserName="reader")
        everything = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }
        iam.put_user_policy(UserName="reader", PolicyName="all", PolicyDocument=json.dumps(everything))
        made = iam.create_access_key(UserName="reader")["AccessKey"]
        keys = (made["AccessKeyId"], made["SecretAccessKey"])
        _post(endpoint, "reset-auth", b"0")
        client = _client("s3", endpoint, keys)
        client.create_bucket(Bucket=BUCKET)
        yield Storage(endpoint, client, keys)
    finally:
        server.stop()


def _client(service: str, endpoint: str, keys: tuple[str, str]) -> Any:
    return boto3.client(
        service,
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
    )


def _post(endpoint: str, what: str, body: bytes) -> None:
    asked = urllib.request.Request(
        f"{endpoint}/moto-api/{what}", data=body, headers={"Content-Type": "text/plain"}
    )
    with urllib.request.urlopen(asked):
        pass
