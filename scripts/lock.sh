#!/usr/bin/env bash
# Writes requirements/core.lock, demo.lock and dev.lock from pyproject.toml, in a fresh environment.
# torch is pinned here: a lock must not follow its newest release by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
TORCH="torch==2.13.0"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

frozen() {
  "$1/bin/python" -m pip freeze --exclude-editable --exclude fittingroom --exclude pip --exclude setuptools |
    sed -E 's/^(torch==[0-9.]+).*/\1/; / @ /d' | LC_ALL=C sort -f
}

fresh() {
  "${PYTHON:-python3}" -m venv "$1"
  "$1/bin/python" -m pip install --quiet --upgrade pip
  "$1/bin/python" -m pip install --quiet "$TORCH"
}

# the largest environment first: the smaller ones must have the same versions
fresh "$folder/dev"
"$folder/dev/bin/python" -m pip install --quiet ".[dev,app,annotate,train,diffusion,studio]"
{ echo "# made by scripts/lock.sh: core.lock, and what tests, app, annotators, training, diffusion methods and studio need"; frozen "$folder/dev"; } > requirements/dev.lock
fresh "$folder/demo"
"$folder/demo/bin/python" -m pip install --quiet --constraint requirements/dev.lock ".[diffusion]"
{ echo "# made by scripts/lock.sh: what the demo's methods need at run time"; frozen "$folder/demo"; } > requirements/demo.lock
fresh "$folder/core"
"$folder/core/bin/python" -m pip install --quiet --constraint requirements/dev.lock .
{ echo "# made by scripts/lock.sh: what the package needs at run time"; frozen "$folder/core"; } > requirements/core.lock
