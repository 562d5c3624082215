// SPDX-License-Identifier: GPL-2.0-only
/*
 * A second stand-in, with a radio and a debugfs folder of its own: a laptop
 * in which CSME can own two radios.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include "csme_standin.c"
