"""Runs the command as `python -m modelcustody_client`."""

import sys

from modelcustody_client import cli

sys.exit(cli.main())
