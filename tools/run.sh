#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Starts a development daemon: secrets made once in var/dev.env, the store in var/tenants, programs on
# AXFW_INTERFACE (lo). Ctrl-C detaches and unpins.
set -euo pipefail
cd "$(dirname "$0")/.."

umask 077
mkdir -p var
if [ ! -e var/dev.env ]; then
	{
		echo "AXIOM_MASTER_KEY=$(openssl rand -hex 32)"
		echo "AXIOM_FIREWALL_SESSION_SECRET=$(openssl rand -hex 32)"
	} >var/dev.env.new
	mv var/dev.env.new var/dev.env
fi
set -a
# shellcheck source=/dev/null
. ./var/dev.env
set +a
export AXIOM_FIREWALL_TENANT_DIR=${AXIOM_FIREWALL_TENANT_DIR:-$PWD/var/tenants}
export AXFW_INTERFACE=${AXFW_INTERFACE:-lo}
export AXFW_CACHE_DIR=${AXFW_CACHE_DIR:-$PWD/var/cache}
exec build/axfwd "$@"
