# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Debian packages of suites that the host knows nothing of, unpacked into $CACHE. Sourced by run.sh. apt gets
# lists of its own, so the host isn't changed; its other settings (proxy, certificates) hold. Functions print
# a folder; when they can't, they say on stderr why and what to do.

MIRROR=${VMTEST_MIRROR:-http://deb.debian.org/debian}
SECURITY_MIRROR=${VMTEST_SECURITY_MIRROR:-http://deb.debian.org/debian-security}
FETCH_TRIES=3

# suite_apt SUITE PROGRAM ARGS...
suite_apt() {
	local root=$CACHE/apt/$1 program=$2 mirror=$MIRROR
	[[ $1 != *-security ]] || mirror=$SECURITY_MIRROR
	mkdir -p "$root/lists/partial" "$root/cache/archives/partial"
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $1 main" \
		> "$root/sources.list"
	shift 2
	"$program" -q -o Dir::Etc::SourceList="$root/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$root/lists" -o Dir::Cache="$root/cache" \
		-o APT::Sandbox::User=root -o Acquire::Retries="$FETCH_TRIES" "$@"
}

# update_lists SUITE: an old list would name packages that the mirror no longer has, so it must be today's.
update_lists() {
	local log=$CACHE/apt/$1.log
	mkdir -p "$CACHE/apt"
	suite_apt "$1" apt-get -o APT::Update::Error-Mode=any update > "$log" 2>&1 && return
	{
		echo "the package list of $1 can't be fetched"
		echo "This is what apt says, the rest is in $log:"
		grep -E '^[EW]:' "$log" | head -n 3
		echo "Is the mirror reachable? VMTEST_MIRROR names another one; an old suite is at http://archive.debian.org/debian"
	} >&2
	return 1
}

# newest PATTERN: of the names on stdin
newest() {
	grep -xE "$1" | sort -V | tail -n 1
}

# choose_package SUITE PATTERN: the name of the newest package that matches
choose_package() {
	local names
	names=$(suite_apt "$1" apt-cache pkgnames)
	newest "$2" <<< "$names" && return
	{
		echo "no package of $1 matches $2"
		echo "Is vmtest/kernels.txt right? The newest kernels of $1:"
		grep -E '^linux-image-[0-9].*cloud-amd64$' <<< "$names" | sort -V | tail -n 5
	} >&2
	return 1
}

# parts_of SUITE PACKAGE: and what it depends on of the very same kernel. From Debian 14 on linux-image-… is empty;
# the image and its modules are in linux-binary-… and linux-modules-….
parts_of() {
	local version=${2#linux-image-}
	echo "$2"
	suite_apt "$1" apt-cache depends "$2" | grep -oE 'linux-[a-z]+-[^ ]+' | grep -F -- "-$version" |
		grep -vxF "$2" | sort -u
}

# unpack_parts PACKAGE...: into the working directory, which then looks alike for all suites: vmlinuz, lib/modules
# and the modules.dep that installing would have made.
unpack_parts() {
	local deb
	for deb in ./*.deb; do
		dpkg-deb -x "$deb" . && rm "$deb" || return
	done
	[ -e lib ] || ln -s usr/lib lib
	ln -s "$(find boot lib/modules/ -name 'vmlinuz*' -print -quit)" vmlinuz
	[ -e vmlinuz ] || { echo "there is no vmlinuz in $*"; return 1; }
	depmod -b . "$(kernel_release .)"
}

# kernel_release KERNEL: as uname -r will say
kernel_release() {
	basename "$1"/lib/modules/*
}

# unpack_kernel SUITE PACKAGE FOLDER
unpack_kernel() {
	local parts
	rm -rf "$3.part"
	mkdir -p "$3.part"
	mapfile -t parts < <(parts_of "$1" "$2")
	if ! (cd "$3.part" && suite_apt "$1" apt-get download "${parts[@]}" && unpack_parts "${parts[@]}") \
		> "$3.log" 2>&1; then
		{
			echo "$2 can't be downloaded and unpacked"
			tail -n 3 "$3.log"
		} >&2
		return 1
	fi
	mv "$3.part" "$3"
	rm "$3.log"
}

# fetch_kernel SUITE PATTERN: what is in the cache already does, unless a newer one is asked for ($UPDATE).
fetch_kernel() {
	local folder=$CACHE/$1 package=
	mkdir -p "$folder"
	if ! $UPDATE && package=$(find "$folder" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | newest "$2"); then
		echo "$folder/$package"
		return
	fi
	update_lists "$1" || return
	package=$(choose_package "$1" "$2") || return
	[ -d "$folder/$package" ] || unpack_kernel "$1" "$package" "$folder/$package" || return
	echo "$folder/$package"
}
