#!/bin/sh
# Installs valgrind, which `make guard` counts with, from the system's packages. Does nothing if there
# is one already.
set -eu

if command -v valgrind >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    exec sudo --non-interactive "$0"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends valgrind
