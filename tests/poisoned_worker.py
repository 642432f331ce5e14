"""The service's Celery application, with checks that do what a text file in the model says."""

from pathlib import Path

from governance.celery import app
from registry.verification import isolated

isolated.SCRIPT = Path(__file__).with_name("poisoned_child.py")
__all__ = ["app"]
