"""Every setting, read from the environment. A wrong one stops the start with a sentence that says what to do.

`make run` writes the environment itself; production sets it as docs/operating.md lists it.
"""

import os
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import dj_database_url
import django_stubs_ext
from celery.schedules import crontab
from csp.constants import SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from environs import Env

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()


def required(name: str, hint: str) -> str:
    """The variable's value; stops the start with `hint` when it is empty."""
    value = env.str(name, "")
    if not value:
        raise ImproperlyConfigured(f"{name} is not set. {hint}")
    return value


DEBUG = env.bool("DEBUG", False)
SECRET_KEY = required("SECRET_KEY", "Run the app with `make run`, or set it to 50 random characters.")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters. Use 50 random ones.")
# Fernet key material for stored credentials and TOTP secrets; rotating SECRET_KEY leaves them readable.
FIELD_ENCRYPTION_KEY = env.str("FIELD_ENCRYPTION_KEY", "") or SECRET_KEY
# Where browsers reach the app: links in mails, cookies and the CSRF check follow from it.
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
# Where browsers reach the live process; behind one proxy it is the same origin.
LIVE_URL = env.str("LIVE_URL", f"{PUBLIC_URL}/live/")
SECURE = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]", "testserver"])
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_htmx",
    "django_prometheus",
    "csp",
    "crm.events",
    "crm.accounts",
    "crm.api",
    "crm.integrations",
    "crm.imports",
    "crm.exports",
    "customers",
    "orders",
    "reviews",
    "service",
    "marketing",
    "marketing.loyalty",
    "marketing.insight",
    "crm.apps.CrmConfig",  # last: its ready() loads every app's handlers, conditions, holds, panels, badges
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "crm.lib.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "crm.lib.middleware.ErrorMiddleware",  # above allauth, which answers its own exceptions first
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crm.accounts.middleware.StaffMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
X_FRAME_OPTIONS = "DENY"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "crm.accounts.context.frame",
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django_htmx.templatetags.django_htmx",
                "crm.lib.templatetags.ui",
                "crm.lib.templatetags.ui_blocks",
            ],
        },
    }
]

# --- database -------------------------------------------------------------------------------------
DATABASES: dict[str, Any] = {
    "default": dj_database_url.parse(
        required(
            "DATABASE_URL", "Run the app with `make run`, or set postgres://user:password@host:port/name."
        ),
        engine="crm.lib.postgres",
        conn_max_age=env.int("CONN_MAX_AGE", 60),
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] != "crm.lib.postgres":
    raise ImproperlyConfigured("DATABASE_URL must name a PostgreSQL database (postgres://…).")

# --- Redis: a doorbell, a cache and pub/sub, never the truth ---------------------------------------
REDIS_URL = required("REDIS_URL", "Run the app with `make run`, or set redis://host:port/0.")
# Lets several test runs share one Redis without hearing each other.
REDIS_PREFIX = env.str("REDIS_PREFIX", "guanxi")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX,
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
# The counts beside the navigation may be so old; a test looks right after it wrote.
NAV_COUNT_SECONDS = env.float("NAV_COUNT_SECONDS", 0.0 if env.bool("TESTING", False) else 10.0)

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {"global_keyprefix": f"{REDIS_PREFIX}:"}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
# Beat only rings; each job guards itself with UNIQUE(job, slot) (crm/events/beat.py).
CELERY_BEAT_SCHEDULE = {
    "events.sweep": {"task": "events.sweep", "schedule": 30.0},
    "api.prune": {"task": "api.prune", "schedule": crontab(minute=40)},
    "integrations.prune": {"task": "integrations.prune", "schedule": crontab(hour=3, minute=30)},
    "events.prune": {"task": "events.prune", "schedule": crontab(hour=3, minute=10)},
    "integrations.sweep_outbox": {"task": "integrations.sweep_outbox", "schedule": 30.0},
    "integrations.sweep_hooks": {"task": "integrations.sweep_hooks", "schedule": 30.0},
    "integrations.sweep_webhooks": {"task": "integrations.sweep_webhooks", "schedule": 30.0},
    "customers.sweep_erasures": {"task": "customers.sweep_erasures", "schedule": 60.0},
    "customers.sweep_data": {"task": "customers.sweep_data", "schedule": 60.0},
    "customers.retain": {"task": "customers.retain", "schedule": crontab(hour=4, minute=10)},
    "customers.bulk_sweep": {"task": "customers.bulk_sweep", "schedule": 60.0},
    "accounts.handover_sweep": {"task": "accounts.handover_sweep", "schedule": 60.0},
    "imports.sweep": {"task": "imports.sweep", "schedule": 60.0},
    "exports.sweep": {"task": "exports.sweep", "schedule": 60.0},
    "exports.expire": {"task": "exports.expire", "schedule": 60.0},
    "imports.prune": {"task": "imports.prune", "schedule": crontab(hour=3, minute=20)},
    "customers.gather_merged": {"task": "customers.gather_merged", "schedule": 300.0},
    "orders.refresh_metrics": {"task": "orders.refresh_metrics", "schedule": crontab(hour=2, minute=0)},
    "customers.sweep_tasks": {"task": "customers.sweep_tasks", "schedule": 30.0},
    "customers.sweep_files": {"task": "customers.sweep_files", "schedule": crontab(hour=3, minute=50)},
    "customers.place_shops": {"task": "customers.place_shops", "schedule": crontab(hour=2, minute=40)},
    "customers.find_duplicates": {
        "task": "customers.find_duplicates",
        "schedule": crontab(hour=1, minute=20),
    },
    "service.sweep": {"task": "service.sweep", "schedule": 60.0},
    "reviews.sweep": {"task": "reviews.sweep", "schedule": 300.0},
    "marketing.sweep_sending": {"task": "marketing.sweep_sending", "schedule": 15.0},
    "marketing.sweep_clicks": {"task": "marketing.sweep_clicks", "schedule": 15.0},
    "marketing.check_domains": {"task": "marketing.check_domains", "schedule": crontab(hour=5, minute=10)},
    "marketing.count_domains": {"task": "marketing.count_domains", "schedule": 300.0},
    "marketing.sweep_feedback": {"task": "marketing.sweep_feedback", "schedule": 60.0},
    "marketing.sweep_journeys": {"task": "marketing.sweep_journeys", "schedule": 30.0},
    "marketing.sweep_segments": {"task": "marketing.sweep_segments", "schedule": 10.0},
    "marketing.refresh_segments": {"task": "marketing.refresh_segments", "schedule": crontab(minute="*/15")},
    "loyalty.recalculate": {"task": "loyalty.recalculate", "schedule": crontab(hour=2, minute=20)},
    "insight.sweep": {"task": "insight.sweep", "schedule": 30.0},
    "insight.recalculate": {"task": "insight.recalculate", "schedule": crontab(hour=2, minute=40)},
}

# --- people -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_ADAPTER = "crm.accounts.adapter.AccountAdapter"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key", "reset_password": "20/m/ip,5/m/key"}
MFA_ADAPTER = "crm.accounts.adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Guanxi"

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "guanxi_session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "guanxi_csrf"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 14 * 24 * 3600
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.bool("BEHIND_PROXY", False) else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
# Behind a proxy, how many X-Forwarded-For hops are ours (crm/lib/http.py reads the address from the right).
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0)
# Who reads /metrics: whoever holds the token, or without one these networks (crm/lib/metrics.py).
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
try:
    METRICS_ALLOW = [ip_network(text.strip()) for text in env.list("METRICS_ALLOW", ["127.0.0.0/8", "::1"])]
except ValueError as error:
    raise ImproperlyConfigured(f"METRICS_ALLOW must list networks such as 10.0.0.0/8: {error}") from None

CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": (),
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF, LIVE_URL],
        "frame-src": [SELF],
        "frame-ancestors": ["'none'"],
        "form-action": [SELF],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    },
}

# --- language ---------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("简体中文")), ("zh-hant", _("繁體中文"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = USE_TZ = True
TIME_ZONE = "UTC"

# --- files ------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(BASE_DIR / "staticfiles")))
STATICFILES_DIRS = [path for path in (BASE_DIR / "static", BASE_DIR / "assets") if path.is_dir()]
# Uploads and media are private: no URL serves MEDIA_ROOT, views stream single files after a check.
MEDIA_ROOT = Path(env.str("MEDIA_ROOT", str(BASE_DIR / ".local" / "media")))
# Who was erased, as hashes and ids, for the day a backup is restored. Keep it out of the backups
# (customers/privacy/ledger.py).
ERASURE_LEDGER = Path(env.str("ERASURE_LEDGER", str(MEDIA_ROOT.parent / "erasures.jsonl")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or env.bool("TESTING", False)
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG or env.bool("TESTING", False)
# Brotli at its best quality takes a second per megabyte: nothing twice, and no source maps.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (
    "gif",
    "gz",
    "br",
    "jpg",
    "jpeg",
    "map",
    "png",
    "webp",
    "woff",
    "woff2",
    "zip",
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 2**20  # a form or JSON body; files stream to disk and have their own limits
FILE_UPLOAD_MAX_MEMORY_SIZE = 2**20
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- mail -------------------------------------------------------------------------------------------
SMTP_HOST = env.str("SMTP_HOST", "127.0.0.1")
SMTP_PORT = env.int("SMTP_PORT", 25)
SMTP_USER = env.str("SMTP_USER", "")
SMTP_PASSWORD = env.str("SMTP_PASSWORD", "")
SMTP_SECURITY = env.str("SMTP_SECURITY", "none")  # none | starttls | tls
if SMTP_SECURITY not in {"none", "starttls", "tls"}:
    raise ImproperlyConfigured("SMTP_SECURITY must be none, starttls or tls.")
SMTP_CONNECTIONS = env.int("SMTP_CONNECTIONS", 20)  # of one sending process
if not 1 <= SMTP_CONNECTIONS <= 500:
    raise ImproperlyConfigured("SMTP_CONNECTIONS must be 1 to 500.")
SENDING_RUNS = env.int("SENDING_RUNS", 2)  # processes that send one campaign at the same time
# A sending process that says nothing for so long is taken for dead; it says something every 2 s.
SENDING_SILENCE_SECONDS = env.float("SENDING_SILENCE_SECONDS", 20.0)
# How long the mail server may take to answer a whole mail, until that mail is in doubt.
SMTP_ANSWER_SECONDS = env.float("SMTP_ANSWER_SECONDS", 120.0)
if not SENDING_SILENCE_SECONDS >= 3:
    raise ImproperlyConfigured("SENDING_SILENCE_SECONDS must be 3 or more.")
if not SMTP_ANSWER_SECONDS > 0:
    raise ImproperlyConfigured("SMTP_ANSWER_SECONDS must be more than 0.")
if not 1 <= SENDING_RUNS <= 64:
    raise ImproperlyConfigured("SENDING_RUNS must be 1 to 64.")
# Whom the check of sender domains asks: "ip" or "ip:port"; empty for the machine's own name servers.
DNS_SERVERS: list[str] = env.list("DNS_SERVERS", [])
EMAIL_HOST, EMAIL_PORT = SMTP_HOST, SMTP_PORT
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = SMTP_USER, SMTP_PASSWORD
EMAIL_USE_TLS, EMAIL_USE_SSL = SMTP_SECURITY == "starttls", SMTP_SECURITY == "tls"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "Guanxi <no-reply@guanxi.test>")
# Where `make run` shows the caught mail; empty in production.
MAILBOX_URL = env.str("MAILBOX_URL", "")

# --- requests to addresses that others chose (webhooks, stores) -----------------------------------------
# They go to public addresses only. A developer's own machine as receiver: OUTGOING_ALLOW_LOOPBACK=1.
OUTGOING_ALLOW_LOOPBACK = env.bool("OUTGOING_ALLOW_LOOPBACK", False)

# --- API --------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["crm.api.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["crm.api.auth.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["crm.api.parsing.StrictJSONParser"],
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "crm.api.paging.KeysetPagination",
    "DEFAULT_THROTTLE_CLASSES": ["crm.api.throttle.KeyThrottle"],
    "DEFAULT_THROTTLE_RATES": {"key": env.str("API_RATE", "600/min")},
    "DEFAULT_SCHEMA_CLASS": "crm.api.schema.Schema",
    "EXCEPTION_HANDLER": "crm.api.errors.api_exception_handler",
    "COERCE_DECIMAL_TO_STRING": True,
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,  # one format; `?format=` is an unknown parameter like any other
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Guanxi API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "Customers, orders, reviews, tickets, segments and campaigns of one shop.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": r"/api/v1",
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": [],  # choices stand where they are used, not under names made from hashes
}

# --- logs -------------------------------------------------------------------------------------------
LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "crm.lib.logs.formatter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "INFO")},
    "loggers": {"django.request": {"level": "ERROR"}, "urllib3": {"level": "WARNING"}},
}

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")
CSRF_FAILURE_VIEW = "crm.lib.middleware.csrf_failure"
SILENCED_SYSTEM_CHECKS: list[str] = []
