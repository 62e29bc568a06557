#!/bin/sh
# Makes .venv, with Muster (editable), every extra and the development tools, exactly as uv.lock says.
# uv itself comes through pip into a private folder, .uv, so that nothing has to be on the machine but Python.
set -eu
cd "$(dirname "$0")/.."

python=$(sh scripts/find-python.sh)
if ! .uv/bin/uv --version >/dev/null 2>&1; then
    rm -rf .uv
    "$python" -m venv .uv
    .uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.13'
fi
export UV_PYTHON_DOWNLOADS=never
# The machine's own certificates, where it has any: behind a company's proxy the built-in ones are not enough.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
fi
# Compiled now rather than at the first `muster`, which would otherwise take seconds to start.
.uv/bin/uv sync --quiet --locked --all-extras --compile-bytecode --python "$python"
