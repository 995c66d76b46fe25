#!/usr/bin/env bash
# Everything that the tests need, and then the tests: a virtual environment, the package with its test
# dependencies, Node, a browser, and pytest. Arguments go on to pytest. Without any, what needs no browser runs in two
# processes, a file in one of them; the browser tests, which measure what a person waits for, have the machine after that.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

python=${PYTHON:-python3}
venv=${NBFEATVIZ_TEST_VENV:-.venv-test}
if [ ! -x "$venv/bin/python" ]; then
  if ! "$python" -m venv "$venv"; then
    rm -rf "$venv" # Debian's Python comes without ensurepip
    as_root apt-get update && as_root apt-get install -y python3-venv && "$python" -m venv "$venv"
  fi
fi
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
export PATH="$venv/bin:$PATH"
python -m pip install --quiet --disable-pip-version-check --editable ".[test]"

# The oldest Keras that the project supports, beside the newest: tests/networks/test_oldest_keras.py runs with it.
oldest=$(sed -n 's/^ *"keras>=\([0-9.]*\)",/\1/p' pyproject.toml)
if [ ! -d "$venv/oldest-keras/keras" ]; then
  python -m pip install --quiet --disable-pip-version-check --no-deps --target "$venv/oldest-keras" "keras==$oldest.0"
fi

# What builds, checks and tests the page's scripts. Node itself is among the test dependencies.
if [ ! scripts/js/node_modules/.package-lock.json -nt scripts/js/package-lock.json ]; then
  npm ci --prefix scripts/js --no-progress
fi

# What a page that was made of a saved panel loads from elsewhere: tests/browser/test_saved_page.py serves it.
for package in @jupyter-widgets/html-manager@1.0.15 requirejs@2.3.8; do
  place="$venv/saved-page/${package##*/}"
  if [ ! -d "$place" ]; then
    mkdir -p "$place"
    tar -xzf "$(cd "$place" && npm pack --silent "$package" | sed "s|^|$place/|")" -C "$place" || { rm -rf "$place"; exit 1; }
  fi
done

has_browser() { python -c "from tests.browser.harness import find_browser; find_browser()" 2>/dev/null; }

if ! has_browser; then
  echo "No Chromium or Chrome found: installing one."
  timeout 900 python -m playwright install --with-deps chromium || true
  has_browser || { as_root apt-get update && as_root apt-get install -y --no-install-recommends chromium fonts-dejavu-core; }
fi

ruff check .
ruff format --check .
mypy
lint-imports --no-logo
npm --prefix scripts/js run --silent check
npm --prefix scripts/js test --silent
if [ $# -gt 0 ]; then
  exec python -m pytest "$@"
fi
failed=0
python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder \
  --ignore tests/browser --durations 40 || failed=$?
python -m pytest tests/browser --durations 20 || failed=$?
exit "$failed"
