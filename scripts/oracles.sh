#!/usr/bin/env bash
# Fetches the independent metrics libraries that our own metrics are compared with (pytest -m oracle).
# They go to .oracles, outside the environment: they are never imported by the package, only by test subprocesses.
# --no-deps everywhere, because their declared requirements would replace the environment's torch.
set -euo pipefail
cd "$(dirname "$0")/.."

python="${PYTHON:-.venv/bin/python}"
target="${ORACLES:-.oracles}"
wanted=(
  torchvision==0.28.0
  lpips==0.1.4
  torch-fidelity==0.4.0
  clean-fid==0.1.35
  torchmetrics==1.9.0
  lightning-utilities==0.15.2
  tqdm==4.67.1
  requests==2.32.5
  urllib3==2.5.0
  idna==3.11
  certifi==2025.10.5
  charset-normalizer==3.4.4
)

stamp="$target/.wanted"
if [[ -f "$stamp" ]] && [[ "$(cat "$stamp")" == "${wanted[*]}" ]]; then
  echo "$target is complete"
  exit 0
fi
if [[ -d "$target" ]] && [[ ! -f "$stamp" ]]; then
  echo "$target was not made by this script: remove it, or name another folder in \$ORACLES" >&2
  exit 1
fi
rm -rf "$target"
mkdir -p "$target"
echo incomplete > "$stamp"
"$python" -m pip install --quiet --no-deps --target "$target" "${wanted[@]}"
echo "${wanted[*]}" > "$stamp"
du -sh "$target"
