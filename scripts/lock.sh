#!/usr/bin/env bash
# Writes requirements/core.lock and requirements/dev.lock from pyproject.toml, in a fresh environment.
# torch is pinned here: a lock must not follow its newest release by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
TORCH="torch==2.13.0"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
pip="$folder/venv/bin/python -m pip"
$pip install --quiet --upgrade pip
$pip install --quiet "$TORCH"

frozen() {
  $pip freeze --exclude-editable --exclude fittingroom --exclude pip --exclude setuptools | sed -E 's/^(torch==[0-9.]+).*/\1/; / @ /d' | LC_ALL=C sort -f
}

$pip install --quiet .
{ echo "# made by scripts/lock.sh: what the package needs at run time"; frozen; } > requirements/core.lock
$pip install --quiet ".[dev,app]"
{ echo "# made by scripts/lock.sh: core.lock, and what tests and the app need"; frozen; } > requirements/dev.lock
