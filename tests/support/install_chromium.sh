#!/bin/sh
# Installs Debian's Chromium and its driver, with which the tests open the live page. Does nothing if
# both are there.
set -eu

if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    exec sudo --non-interactive "$0"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends chromium chromium-driver fonts-dejavu-core
