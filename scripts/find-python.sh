#!/bin/sh
# Prints the path of a Python that Muster runs on (3.11 to 3.13), the default one first.
set -eu
for name in python3 python3.13 python3.12 python3.11 /usr/bin/python3; do
    if path=$("$name" -c 'import sys; print(sys.executable if (3, 11) <= sys.version_info[:2] <= (3, 13) else sys.exit(1))' 2>/dev/null); then
        echo "$path"
        exit 0
    fi
done
echo 'Muster needs Python 3.11, 3.12 or 3.13 and found none.' >&2
exit 1
