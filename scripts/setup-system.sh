#!/bin/sh
# Installs the Debian packages that a step needs, and only those that are missing.
#
#   scripts/setup-system.sh build    to build python-ldap, and Python itself if it is not there
#   scripts/setup-system.sh test     the real servers that the tests start
#
# Nothing happens when everything is there. Servers that come in by this script are neither
# started nor enabled: the tests start their own, on private ports in private folders.
set -eu

need=''
want() {
    for package in "$@"; do
        case "$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)" in
            ?i*) ;;
            *) need="$need $package" ;;
        esac
    done
}

packages_of() {
    case "$1" in
        build) echo 'libldap2-dev libsasl2-dev gcc libc6-dev' ;;
        test) echo 'slapd slapd-contrib ldap-utils 389-ds-base postgresql mariadb-server' \
            'samba samba-ad-dc samba-ad-provision samba-dsdb-modules samba-vfs-modules winbind' \
            'krb5-user python3-samba libsasl2-modules libsasl2-modules-gssapi-mit' ;;
        *) echo "usage: $0 build|test" >&2; exit 2 ;;
    esac
}

packages=$(packages_of "$1")

if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-query >/dev/null 2>&1; then
    echo "This machine has no apt. Going on; should a later step fail, install what these Debian packages hold: $packages" >&2
    exit 0
fi

# shellcheck disable=SC2086  # a list of words
want $packages
if [ "$1" = build ]; then
    python=$(sh "$(dirname "$0")/find-python.sh" 2>/dev/null || true)
    if [ -z "$python" ]; then
        want python3 python3-venv python3-dev
    else
        "$python" -c 'import ensurepip, venv' 2>/dev/null || want python3-venv
        "$python" -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' ||
            want python3-dev
    fi
fi
[ -n "$need" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    root=''
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    root='sudo'
else
    echo "These Debian packages are missing and installing them needs root:$need" >&2
    echo "Run:  apt-get install --no-install-recommends$need" >&2
    exit 1
fi

# policy-rc.d is Debian's own switch: exit status 101 means "start no service while installing".
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap '$root rm -f $policy' EXIT
    printf '#!/bin/sh\nexit 101\n' | $root tee $policy >/dev/null
    $root chmod 755 $policy
fi

apt() { $root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

echo "Installing$need"
# shellcheck disable=SC2086  # a list of words
if ! apt install -y --no-install-recommends $need; then
    echo "Trying again with fresh package lists."
    apt update
    # shellcheck disable=SC2086
    apt install -y --no-install-recommends $need
fi

# Nor at the next boot: only for servers that this run brought in.
if [ -d /run/systemd/system ]; then
    for service in slapd mariadb postgresql samba:smbd samba:nmbd samba:samba-ad-dc winbind; do
        case "$need" in
            *" ${service%:*}"*) $root systemctl disable --quiet "${service#*:}" || true ;;
        esac
    done
fi
