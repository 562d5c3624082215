#!/bin/sh
# Copyright (c) 2026 The vpro.fleet developers
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Builds the kernel's sample mei-amt-version. Arguments: its folder, the kernel's headers (not needed), the output's.
set -eu
mkdir -p "$3"
cc -O2 -o "$3/mei-amt-version" "$1/mei/mei-amt-version.c"
