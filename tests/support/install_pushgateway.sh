#!/bin/sh
# Installs Debian's Pushgateway, which the tests start themselves, and keeps the service that comes
# with it from running, now and later. Does nothing if there is a Pushgateway already.
set -eu

if command -v prometheus-pushgateway >/dev/null; then
    exit 0
fi
if [ "$(id -u)" -ne 0 ]; then
    exec sudo --non-interactive "$0"
fi

# Maintainer scripts ask this program whether they may start a service.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
apt-get update --quiet
apt-get install --quiet --yes --no-install-recommends prometheus-pushgateway
update-rc.d prometheus-pushgateway disable
