#!/bin/sh
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the drivers for one kernel, in the folder that DKMS builds in. The modules come into the folder "made".
#
#   dkms.sh RELEASE HEADERS
#
# The source is the distribution's own, in the version of the kernel's headers. The first of these that there is:
# - the installed package with the source, which an update of the distribution renews together with the kernel
# - that package's file in /var/cache/vpro-iwlmei
# - the archive, as apt knows it
set -eu

release=$1
headers=$2
kept=/var/cache/vpro-iwlmei

fail() {
    echo "vpro-iwlmei: $*" >&2
    exit 1
}

version_of() {
    dpkg-query --show --showformat '${Version}' "$1" 2>/dev/null || true
}

version=$(version_of "linux-headers-$release")
[ -n "$version" ] || fail "the package linux-headers-$release is not installed"

# Debian calls the source linux-source-6.1, and Ubuntu linux-source-6.8.0.
full=$(echo "$release" | sed -E 's/^([0-9]+\.[0-9]+(\.[0-9]+)?).*/\1/')
short=$(echo "$full" | cut -d . -f 1,2)
[ "$full" != "$short" ] || full=$full.0
names="linux-source-$short linux-source-$full"

work=$PWD/work
rm -rf "$work"
mkdir "$work"
trap 'rm -rf "$work"' EXIT

find_archive() {
    find "$@" -name 'linux-source-*.tar.*' -type f 2>/dev/null | head -n 1
}

archive=
for name in $names; do
    if [ "$(version_of "$name")" = "$version" ]; then
        archive=$(find_archive "/usr/src/$name.tar.xz" "/usr/src/$name.tar.bz2" "/usr/src/$name")
        [ -z "$archive" ] || break
    fi
done
if [ -z "$archive" ]; then
    package=
    for name in $names; do
        # apt writes a colon of the version as %3a.
        for file in "$kept/$name"_*.deb; do
            [ "$(dpkg-deb --field "$file" Version 2>/dev/null)" != "$version" ] || package=$file
        done
    done
    if [ -z "$package" ]; then
        for name in $names; do
            # apt takes a name that it does not know for a pattern, and may bring another package.
            apt-cache show "$name=$version" 2>/dev/null | grep -qx "Package: $name" || continue
            (cd "$work" && apt-get -o APT::Sandbox::User=root -q download "$name=$version") || continue
            package=$(find "$work" -maxdepth 1 -name "$name"'_*.deb')
            break
        done
    fi
    [ -n "$package" ] || fail "there is no source of Linux $release: no package of $names in the version $version is" \
        "installed, or in $kept, or in the archive"
    dpkg-deb --extract "$package" "$work/package"
    archive=$(find_archive "$work/package/usr/src")
    [ -n "$archive" ] || fail "$package has no archive of the source"
fi

mkdir "$work/source"
tar --directory "$work/source" --strip-components=1 --extract --file "$archive" --wildcards \
    '*/drivers/net/wireless/intel/iwlwifi/*'
TMPDIR=$work sh "${0%/*}/build.sh" "$work/source" "$headers" made
