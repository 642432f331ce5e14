"""What a serving node and an auditor need of Model Custody: formats, admission, recording, verification."""

__version__ = "0.1.0"
