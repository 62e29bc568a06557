#!/bin/sh
# Makes .venv, with Muster (editable), every extra and the development tools, exactly as uv.lock says.
# uv itself comes through pip into a private folder, .uv, so that nothing has to be on the machine but Python.
set -eu
cd "$(dirname "$0")/.."

python=$(sh scripts/find-python.sh)
if ! .uv/bin/uv --version >/dev/null 2>&1; then
    rm -rf .uv
    "$python" -m venv .uv
    .uv/bin/pip install --quiet --disable-pip-version-check 'uv>=0.9'
fi
export UV_PYTHON_DOWNLOADS=never
.uv/bin/uv sync --quiet --locked --all-extras --python "$python"
