#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright 2026 The vpro.fleet developers
#
# Builds what the lab has around the real iwlmei: csme_engine.ko (the management engine), iwlmvm_shim.ko (what iwlmvm
# does with iwlmei), and mac80211_hwsim.ko (the kernel's own, under the shim).
#
#   engine.sh SOURCE HEADERS DRIVERS OUTPUT
#
# SOURCE   the kernel's source, of which drivers/misc/mei, drivers/net/wireless/intel/iwlwifi and mac80211_hwsim are
#          needed
# HEADERS  the build folder of the kernel that the modules are for: /lib/modules/RELEASE/build
# DRIVERS  what roles/driver/files/build/build.sh made
# OUTPUT   where the modules go; made if it is not there
set -eu

if [ $# -ne 4 ]; then
    echo "usage: $0 SOURCE HEADERS DRIVERS OUTPUT" >&2
    exit 2
fi
source=$1
headers=$2
drivers=$3
output=$4
here=$(dirname "$(readlink -f "$0")")
# It has moved between 6.1 and 6.12.
hwsim=$(find "$source/drivers/net/wireless" -name mac80211_hwsim.c)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/csme_engine" "$here/iwlmvm_shim" "$work"
mkdir "$work/mac80211_hwsim"
cp "$hwsim" "${hwsim%.c}.h" "$work/mac80211_hwsim"
echo 'obj-m := mac80211_hwsim.o' > "$work/mac80211_hwsim/Kbuild"

build() {
    name=$1
    shift
    make -C "$headers" M="$work/$name" -j "$(nproc)" CONFIG_DEBUG_INFO_BTF_MODULES= "$@" modules
    strip --strip-debug -o "$output/$name.ko" "$work/$name/$name.ko"
}

mkdir -p "$output"
build csme_engine MEI="$source/drivers/misc/mei"
build iwlmvm_shim IWLWIFI="$source/drivers/net/wireless/intel/iwlwifi" KBUILD_EXTRA_SYMBOLS="$drivers/Module.symvers"
# Between mac80211_hwsim and mac80211 stands the shim.
build mac80211_hwsim KBUILD_EXTRA_SYMBOLS="$work/iwlmvm_shim/Module.symvers" KCFLAGS="\
    -Dieee80211_alloc_hw_nm=iwlmvm_shim_alloc_hw \
    -Dieee80211_register_hw=iwlmvm_shim_register_hw \
    -Dieee80211_unregister_hw=iwlmvm_shim_unregister_hw \
    -Dieee80211_free_hw=iwlmvm_shim_free_hw \
    -Dieee80211_rx_irqsafe=iwlmvm_shim_rx_irqsafe \
    -Dieee80211_scan_completed=iwlmvm_shim_scan_completed"
