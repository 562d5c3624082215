// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the op mode iwlmld, which userspace knows by the loaded
 * module's name alone.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/module.h>

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("Stand-in for the op mode that does not know of CSME");
