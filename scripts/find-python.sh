#!/bin/sh
# Prints the Python to build .venv with: 3.11 or newer, able to make virtual environments.
# Where there is none it says in one sentence what to install, and fails. PYTHON=… names one outright.
set -eu

too_old="" without_venv=""
for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    command -v "$candidate" >/dev/null 2>&1 || continue
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    if ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        too_old="${too_old:-$candidate is $version}"
    elif ! "$candidate" -c 'import venv, ensurepip' 2>/dev/null; then
        # Debian leaves ensurepip out of python3 and ships it as python3-venv.
        without_venv="${without_venv:-$candidate}"
    else
        echo "$candidate"
        exit 0
    fi
done

if [ -n "$without_venv" ]; then
    echo "EUCORA needs Python's venv module, which $without_venv lacks: install it (Debian: apt-get install $(basename "$without_venv")-venv) and try again." >&2
elif [ -n "$too_old" ]; then
    echo "EUCORA needs Python 3.11 or newer, and $too_old: install one (Debian 12 or later: apt-get install python3 python3-venv) or name one with PYTHON=/path/to/python3.12." >&2
else
    echo "EUCORA needs Python 3.11 or newer, and none was found: install one (Debian 12 or later: apt-get install python3 python3-venv) or name one with PYTHON=/path/to/python3.12." >&2
fi
exit 1
