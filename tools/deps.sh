#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian 12 packages that are missing: tools/deps.sh build [test] [lint]. Does nothing, and needs
# neither root nor a network, when everything is there.
set -euo pipefail

declare -A packages=(
	[build]="gcc libc6-dev make pkg-config clang llvm bpftool ca-certificates openssl
		libbpf-dev libelf-dev zlib1g-dev libmicrohttpd-dev libsqlite3-dev libssl-dev libargon2-dev
		libvectorscan-dev libjansson-dev libutf8proc-dev libcurl4-openssl-dev libcap-ng-dev
		libseccomp-dev liburcu-dev libpcre2-dev"
	[test]="git curl python3 python3-pytest libcmocka-dev iproute2 procps util-linux ethtool tshark tcpdump
		iputils-ping qemu-system-x86 busybox-static kmod xz-utils zstd debootstrap sqlite3 libcap2-bin
		xdp-tools jq"
	[lint]="clang-format clang-tidy cppcheck shellcheck"
)

missing=()
for set in "$@"; do
	for p in ${packages[$set]}; do
		dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null | grep -qx installed || missing+=("$p")
	done
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "These Debian packages are missing; install them as root:" >&2
	echo "  apt-get install ${missing[*]}" >&2
	exit 1
fi
echo "Installing ${#missing[@]} Debian packages: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
	tail -n 20 "$log" >&2
	echo "Installing packages failed; the lines above say why." >&2
	exit 1
fi
