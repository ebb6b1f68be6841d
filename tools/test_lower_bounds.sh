#!/bin/sh
# Run the unit tests on the oldest versions that pyproject.toml allows: TensorFlow 2.18,
# Keras 3.8, NumPy 2.0 and the rest: test_lower_bounds.sh [VENV [PYTEST ARGUMENT ...]]
#
# What is about the book and not the package (notebooks, gates, references, site) is left to the
# newest versions, which the book is made with.
set -eu
cd "$(dirname "$0")/.."
venv=${1:-_build/venv-lower-bounds}
[ $# -gt 0 ] && shift
uv=${UV:-.venv/bin/uv}
python=${PYTHON:-python3.11}

[ -x "$venv/bin/python" ] || "$uv" venv --quiet --python "$python" "$venv"
"$uv" pip install --quiet --python "$venv/bin/python" --resolution lowest-direct --editable .
# The tests' own tools, in any version that leaves those as they are.
"$uv" pip freeze --quiet --python "$venv/bin/python" --exclude-editable > "$venv/lower-bounds.txt"
"$uv" pip install --quiet --python "$venv/bin/python" --constraint "$venv/lower-bounds.txt" \
    pytest pytest-xdist
"$venv/bin/python" -c '
from importlib.metadata import version
names = "tensorflow keras numpy matplotlib pillow pooch scikit-image scikit-learn scipy"
print("Testing with", ", ".join(f"{name} {version(name)}" for name in names.split()))'
if [ $# -eq 0 ]; then
    set -- tests -n 2 -q
    for name in gates notebook_contract references repository_url site; do
        set -- "$@" "--ignore=tests/test_$name.py"
    done
fi
exec "$venv/bin/python" -m pytest "$@"
