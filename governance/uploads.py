"""Files in requests stay in memory and within the size of a body, whichever page they are sent to."""

from typing import IO, Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler


class BoundedUpload(MemoryFileUploadHandler):
    """Refuses a body that is over the limit before any of it is read; nothing is written to a disk."""

    def handle_raw_input(
        self,
        input_data: IO[bytes],
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: str,
        encoding: str | None = None,
    ) -> Any:
        """Look at the size that the request states; Django reads no further than it."""
        if content_length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestDataTooBig("The body is over the limit.")
        super().handle_raw_input(input_data, META, content_length, boundary, encoding)
        self.activated = True
