"""The WSGI entry point; refuses to serve on a database that could lose what was acknowledged."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
application = get_wsgi_application()

from audit import checks, durability  # noqa: E402 - needs the app registry

durability.require()
checks.warn_of_rights()
