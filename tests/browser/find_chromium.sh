#!/bin/sh
# Print the path of a Chromium: one that is there, else one from apt (as root), else Playwright's.
set -eu
for name in "${DERMTURING_CHROMIUM:-}" chromium chromium-browser google-chrome; do
  if [ -n "$name" ] && command -v "$name"; then exit 0; fi
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  echo "installing Chromium with apt-get" >&2
  if apt-get update -qq >&2 && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >&2; then
    command -v chromium
    exit 0
  fi
fi
echo "downloading Chromium with Playwright" >&2
.venv/bin/playwright install chromium >&2
.venv/bin/python - <<'PY'
from playwright.sync_api import sync_playwright

with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)
PY
