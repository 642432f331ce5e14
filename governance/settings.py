"""All settings, read once from the environment; `.env.example` says what each means."""

from pathlib import Path
from typing import Any

import environ
from django.urls import reverse_lazy

from governance.embedded.paths import Paths

env = environ.FileAwareEnv()
BASE_DIR = Path(__file__).resolve().parent.parent

# Where everything that is not code lives: the embedded database, the broker's folder, keys, models.
DATA_DIR = env.path("DATA_DIR", default=str(BASE_DIR / "data")).root
PATHS = Paths(Path(DATA_DIR))

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = env.str("SECRET_KEY", default="") or PATHS.secret("secret-key")
# Mixed into every stored token hash, so that a copy of the database alone cannot be used to guess tokens.
TOKEN_PEPPER = env.str("TOKEN_PEPPER", default="") or PATHS.secret("token-pepper")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000")
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO")

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "governance.apps.GovernanceConfig",
    "audit.apps.AuditConfig",
    "registry.apps.RegistryConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "governance.logs.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "governance.urls"
WSGI_APPLICATION = "governance.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# PostgreSQL only. Unset: the embedded one under DATA_DIR, as the role that may not rewrite the log.
DATABASES = {"default": env.db_url("DATABASE_URL", default=PATHS.database_url("custody_app"))}
DATABASES["default"].setdefault("OPTIONS", {})
DATABASES["default"]["CONN_MAX_AGE"] = env.int("DATABASE_CONN_MAX_AGE", default=60)
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"]["ATOMIC_REQUESTS"] = False  # transactions belong to actions
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "governance.User"
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
LOGIN_URL = reverse_lazy("admin:login")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_HTTPONLY = True
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", default=False) else None
)
X_FRAME_OPTIONS = "DENY"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
STATIC_URL = "static/"
# Files are served from the packages themselves, so that no collect step can be forgotten.
WHITENOISE_USE_FINDERS = True

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "governance.api.authentication.BearerTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["governance.api.parsers.StrictJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "governance.api.pagination.CursorPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "governance.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "PAGE_SIZE": 50,
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Model Custody",
    "VERSION": "1",
    "DESCRIPTION": "The chain of custody for open-weight models.",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": ["governance.api.schema.describe_problems"],
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
}
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("MAX_BODY_BYTES", default=8 * 1024 * 1024)
FILE_UPLOAD_HANDLERS = ["governance.uploads.BoundedUpload"]

# Unset: kombu's filesystem transport under DATA_DIR, which needs no server.
BROKER_URL = env.str("BROKER_URL", default="filesystem://")

# The log's name, which is part of every checkpoint and can never change once anything is signed.
LOG_ORIGIN = env.str("LOG_ORIGIN", default="modelcustody.local")
KEYS_DIR = Path(env.str("KEYS_DIR", default=str(PATHS.keys)))
# The last checkpoint that was signed of each log. Keep it out of database backups: it is what tells an old one.
SIGNER_DIR = Path(env.str("SIGNER_DIR", default=str(PATHS.data_dir / "signer")))
# Recorders are told to wait when more batches than this are not in the tree yet.
MAX_PENDING_BATCHES = env.int("MAX_PENDING_BATCHES", default=10_000)
MODEL_STORE = Path(env.str("MODEL_STORE", default=str(PATHS.models)))
# How much the store may hold (0: as much as the disk), and how much of its disk is left free in any case.
MODEL_STORE_QUOTA_BYTES = env.int("MODEL_STORE_QUOTA_BYTES", default=0)
MODEL_STORE_KEEP_FREE_BYTES = env.int("MODEL_STORE_KEEP_FREE_BYTES", default=1024**3)
# How many files of a version are fetched at once.
FETCH_CONNECTIONS = env.int("FETCH_CONNECTIONS", default=4)
# The folders in which a source on this machine may lie; empty means any folder that the service can read.
SOURCE_FOLDERS = [Path(folder) for folder in env.list("SOURCE_FOLDERS", default=[])]
HF_ENDPOINT = env.str("HF_ENDPOINT", default="https://huggingface.co")
HF_TOKEN = env.str("HF_TOKEN", default="")
# The hosts that an https:// source, or S3_ENDPOINT_URL, may name; empty means none.
SOURCE_HOSTS = env.list("SOURCE_HOSTS", default=[])
# S3-compatible storage; unset: Amazon's own. Without keys, only what anyone may read. No others are looked for.
S3_ENDPOINT_URL = env.str("S3_ENDPOINT_URL", default="")
S3_REGION = env.str("S3_REGION", default="")
S3_ACCESS_KEY = env.str("S3_ACCESS_KEY", default="")
S3_SECRET_KEY = env.str("S3_SECRET_KEY", default="")
# The interpreter of the environment that holds vLLM; unset: `.venv-vllm` beside the code.
VLLM_PYTHON = env.str("VLLM_PYTHON", default=str(BASE_DIR / ".venv-vllm" / "bin" / "python"))
# Where torch for the CPU comes from when pip's own sources have none.
VLLM_TORCH_INDEX = env.str("VLLM_TORCH_INDEX", default="https://download.pytorch.org/whl/cpu")
SMOKE_TIMEOUT_SECONDS = env.int("SMOKE_TIMEOUT_SECONDS", default=600)
# What the checks of one version may take: seconds for themselves, more for reading at this pace, and memory.
VERIFY_TIMEOUT_SECONDS = env.int("VERIFY_TIMEOUT_SECONDS", default=900)
VERIFY_BYTES_PER_SECOND = env.int("VERIFY_BYTES_PER_SECOND", default=20_000_000)
VERIFY_MEMORY_BYTES = env.int("VERIFY_MEMORY_BYTES", default=1024**3)
# A run whose worker shows no sign of life for this long is given to another.
LEASE_SECONDS = env.int("LEASE_SECONDS", default=60)
# How long after the last look the source of a version is looked at again.
DRIFT_EVERY_HOURS = env.int("DRIFT_EVERY_HOURS", default=24)
# How long after its last reading a stored copy is read again (0: never), and how many of them wait at a time.
REVERIFY_EVERY_DAYS = env.int("REVERIFY_EVERY_DAYS", default=7)
REVERIFY_AT_ONCE = env.int("REVERIFY_AT_ONCE", default=4)

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Model Custody",
    "SITE_HEADER": "Model Custody",
    "SITE_SUBHEADER": "From source to served answer",
    "SITE_SYMBOL": "verified_user",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"/{STATIC_URL}desk/favicon.svg"}],
    "SHOW_HISTORY": False,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [f"/{STATIC_URL}desk/{name}.css" for name in ("desk", "evidence", "origin")],
    "SIDEBAR": {"navigation": "governance.admin.navigation.sidebar"},
    "DASHBOARD_CALLBACK": "governance.admin.dashboard.add_numbers",
    "COLORS": {
        "primary": {
            "50": "oklch(96.2% .018 272.3)",
            "100": "oklch(93% .034 272.8)",
            "200": "oklch(87% .065 274)",
            "300": "oklch(78.5% .115 274.7)",
            "400": "oklch(67.3% .182 276.9)",
            "500": "oklch(58.5% .204 277.1)",
            "600": "oklch(51.1% .23 277)",
            "700": "oklch(45.7% .215 277)",
            "800": "oklch(39.8% .18 277.4)",
            "900": "oklch(35.9% .144 278.7)",
            "950": "oklch(25.7% .09 281.3)",
        }
    },
}
