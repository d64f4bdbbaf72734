"""Settings, read from the environment once; the README's table explains the variables."""

import secrets
import sys
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

from django.utils.translation import gettext_lazy as _

from config.environment import flag, text, words
from config.postgres import database, web_database

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]
TESTING = "pytest" in sys.modules
# Tests never touch what the product beside them has, nor what other tests at the same time have.
VAR_DIR = Path(text("DERMTURING_VAR", str(BASE_DIR / "var"))).resolve() / (
    f"test/{text('PYTEST_XDIST_WORKER', 'alone')}" if TESTING else ""
)
IMAGES_DIR = Path(text("DERMTURING_IMAGES")).resolve() if text("DERMTURING_IMAGES") else None
CONTACT = text("DERMTURING_CONTACT")
DEMONSTRATION = flag("DERMTURING_DEMONSTRATION")  # set by `manage.py demo` for what it serves


def development_key() -> str:
    """Return a key made on first use and kept in `var`, so that none stands in the code."""
    path = VAR_DIR / "secret_key"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text("django-insecure-" + secrets.token_urlsafe(48))
    return path.read_text()


DEBUG = flag("DERMTURING_DEBUG")
HTTPS = flag("DERMTURING_HTTPS")
SECRET_KEY = text("DERMTURING_SECRET_KEY") or development_key()
ALLOWED_HOSTS = words("DERMTURING_HOSTS") or ["localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"https://{host}" for host in ALLOWED_HOSTS if HTTPS]

INSTALLED_APPS = [
    "config",
    "evaluation",
    "generation",
    "analysis",
    "django_tasks",
    "django_tasks_db",
    "rest_framework",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
                "evaluation.context.demonstration",
            ],
        },
    },
]

# The web process reads as a role from which the truth of open studies is hidden.
WEB = text("DERMTURING_PROCESS") == "web"
WEB_OWNS_TABLES = bool(text("DATABASE_URL") and not text("DATABASE_URL_WEB"))
DATABASES = {
    "default": web_database(text("DATABASE_URL"), text("DATABASE_URL_WEB"), VAR_DIR)
    if WEB
    else database(text("DATABASE_URL"), VAR_DIR)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("de", _("German"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_TZ = True
TIME_ZONE = "UTC"

# Originals and stimuli are private: no address serves their folders.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "originals": {
        "BACKEND": "evaluation.storage.WholeFileStorage",
        "OPTIONS": {"location": VAR_DIR / "media" / "originals", "base_url": None},
    },
    "sealed": {  # originals of studies that are open for reading
        "BACKEND": "evaluation.storage.WholeFileStorage",
        "OPTIONS": {"location": VAR_DIR / "sealed", "base_url": None},
    },
    "stimuli": {
        "BACKEND": "evaluation.storage.WholeFileStorage",
        "OPTIONS": {"location": VAR_DIR / "media" / "stimuli", "base_url": None},
    },
    "submissions": {  # photographs of patients that are to be de-identified, and their copies
        "BACKEND": "evaluation.storage.WholeFileStorage",
        "OPTIONS": {"location": VAR_DIR / "submissions", "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or TESTING
        else "config.static.HashedStaticFiles"
    },
}
MEDIA_ROOT = VAR_DIR / "media" / "uploads"
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
WHITENOISE_USE_FINDERS = DEBUG or TESTING
WHITENOISE_AUTOREFRESH = DEBUG
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
FILE_UPLOAD_TEMP_DIR = None

TASKS = {
    "default": {
        "BACKEND": "django_tasks.backends.immediate.ImmediateBackend"
        if TESTING
        else "django_tasks_db.DatabaseBackend"
    }
}

AUTHENTICATION_BACKENDS = ["evaluation.signing_in.PasswordBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS would speak of the fields
}

SECURE_CSP = {
    "default-src": ["'none'"],
    "img-src": ["'self'", "data:"],
    "style-src": ["'self'"],
    "script-src": ["'self'"],
    "connect-src": ["'self'"],
    "font-src": ["'self'"],
    "form-action": ["'self'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
    "frame-ancestors": ["'none'"],
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# Letters to raters: smtp://user:password@host:587 (STARTTLS), smtps://… (TLS from the start).
_smtp = urlsplit(text("DERMTURING_SMTP"))
EMAIL_HOST = _smtp.hostname or ""
EMAIL_USE_SSL = _smtp.scheme == "smtps"
EMAIL_USE_TLS = _smtp.scheme == "smtp" and bool(_smtp.username)
EMAIL_PORT = _smtp.port or (465 if EMAIL_USE_SSL else 587 if EMAIL_USE_TLS else 25)
EMAIL_HOST_USER = unquote(_smtp.username or "")
EMAIL_HOST_PASSWORD = unquote(_smtp.password or "")
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = text("DERMTURING_MAIL_FROM", EMAIL_HOST_USER or "dermturing@localhost")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    # Retries of downloads are routine; what fails in the end is said by who asked for it.
    "loggers": {"urllib3": {"level": "ERROR"}},
}
