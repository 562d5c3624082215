#!/bin/sh
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds Intel's drivers with iwlmei, which distributions leave out: iwlwifi.ko, iwlmvm.ko and iwlmei.ko, as the
# kernel's source has them. The three belong together: iwlwifi asks iwlmei whether CSME is there
# (pcie/trans.c), and iwlmvm has the vendor commands only with iwlmei (mvm/Makefile).
#
#   build.sh SOURCE HEADERS OUTPUT [KEY CERTIFICATE]
#
# SOURCE   the kernel's source, of which only drivers/net/wireless/intel/iwlwifi is needed
# HEADERS  the build folder of the kernel that the modules are for: /lib/modules/RELEASE/build
# OUTPUT   where the three modules go, and Module.symvers for what is built on them; made if it is not there
# KEY, CERTIFICATE  what the modules are signed with, by the program of the headers; not signed without them
#
# The source has to be that of the very kernel: the kernel's version does not tell a distribution's patches.
set -eu

if [ $# -ne 3 ] && [ $# -ne 5 ]; then
    echo "usage: $0 SOURCE HEADERS OUTPUT [KEY CERTIFICATE]" >&2
    exit 2
fi
driver=$1/drivers/net/wireless/intel/iwlwifi
headers=$2
output=$3
key=${4-}
certificate=${5-}
set -- iwlwifi.ko mvm/iwlmvm.ko mei/iwlmei.ko
if [ ! -f "$driver/mei/main.c" ]; then
    echo "$0: $driver has no iwlmei" >&2
    exit 2
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$driver" "$work/iwlwifi"

# KCFLAGS: the kernel's own configuration says that there is no iwlmei, and IS_ENABLED() reads that. The Makefiles of
# 6.1 look for their headers below the kernel's source, so the folder is named here.
# CONFIG_DEBUG_INFO_BTF_MODULES: no need for pahole, whose output nobody reads.
# The targets: without iwldvm, the driver of radios that know no CSME. The kernel's own fits iwlwifi.ko as it is.
make -C "$headers" M="$work/iwlwifi" -j "$(nproc)" \
    CONFIG_IWLMEI=m \
    CONFIG_DEBUG_INFO_BTF_MODULES= \
    KCFLAGS="-DCONFIG_IWLMEI_MODULE=1 -I$work/iwlwifi" \
    "$@"

mkdir -p "$output"
for module in "$@"; do
    made=$output/${module##*/}
    strip --strip-debug -o "$made" "$work/iwlwifi/$module"
    # A signature is the end of the file, so nothing may change the file after it.
    [ -z "$key" ] || "$headers/scripts/sign-file" sha256 "$key" "$certificate" "$made"
done
cp "$work/iwlwifi/Module.symvers" "$output"
