// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts what iwlmvm does between mac80211 and mac80211_hwsim, for the first
 * radio. mac80211_hwsim is the kernel's own, compiled with three of mac80211's
 * functions named as those below (build.sh), and otherwise as it is.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/module.h>
#include <linux/version.h>

#include "shim.h"

struct mvm mvm;

/* -- what mac80211 calls ------------------------------------------------------ */

static int start(struct ieee80211_hw *hw)
{
	int err = mvm_mac_start();

	if (!err)
		err = mvm.below->start(hw);
	mvm_mac_started(err);
	return err;
}

/* include/net/mac80211.h: "suspend" is new in 6.11 */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static void stop(struct ieee80211_hw *hw, bool suspend)
{
	mvm_mac_stop();
	mvm.below->stop(hw, suspend);
	mvm_mac_stopped();
}
#else
static void stop(struct ieee80211_hw *hw)
{
	mvm_mac_stop();
	mvm.below->stop(hw);
	mvm_mac_stopped();
}
#endif

static int add_interface(struct ieee80211_hw *hw, struct ieee80211_vif *vif)
{
	int err = mvm.below->add_interface(hw, vif);

	if (!err)
		mvm_interface_added(vif);
	return err;
}

static void remove_interface(struct ieee80211_hw *hw, struct ieee80211_vif *vif)
{
	mvm_interface_removed(vif);
	mvm.below->remove_interface(hw, vif);
}

static void vif_cfg_changed(struct ieee80211_hw *hw, struct ieee80211_vif *vif,
			    u64 changed)
{
	mvm.below->vif_cfg_changed(hw, vif, changed);
	if (changed & BSS_CHANGED_ASSOC && vif == mvm.csme_vif)
		mvm_association_changed(vif);
}

/* What drv_sta_state() of net/mac80211/driver-ops.c does for the older operations. */
static int below_sta_state(struct ieee80211_hw *hw, struct ieee80211_vif *vif,
			   struct ieee80211_sta *sta,
			   enum ieee80211_sta_state old,
			   enum ieee80211_sta_state new)
{
	if (mvm.below->sta_state)
		return mvm.below->sta_state(hw, vif, sta, old, new);
	if (old == IEEE80211_STA_AUTH && new == IEEE80211_STA_ASSOC)
		return mvm.below->sta_add(hw, vif, sta);
	if (old == IEEE80211_STA_ASSOC && new == IEEE80211_STA_AUTH)
		mvm.below->sta_remove(hw, vif, sta);
	return 0;
}

static int sta_state(struct ieee80211_hw *hw, struct ieee80211_vif *vif,
		     struct ieee80211_sta *sta, enum ieee80211_sta_state old,
		     enum ieee80211_sta_state new)
{
	int err = below_sta_state(hw, vif, sta, old, new);

	if (err || vif != mvm.csme_vif || sta->tdls)
		return err;
	if (old == IEEE80211_STA_NOTEXIST)
		mvm.pairwise_cipher = 0;
	if (old == IEEE80211_STA_ASSOC && new == IEEE80211_STA_AUTHORIZED)
		mvm_authorized(vif);
	return 0;
}

/* 6.1: mvm/mac80211.c 3586; 6.12: 4533. The keys stay mac80211's. */
static int set_key(struct ieee80211_hw *hw, enum set_key_cmd cmd,
		   struct ieee80211_vif *vif, struct ieee80211_sta *sta,
		   struct ieee80211_key_conf *key)
{
	if (cmd == SET_KEY && sta && vif == mvm.csme_vif &&
	    key->flags & IEEE80211_KEY_FLAG_PAIRWISE)
		mvm.pairwise_cipher = key->cipher;
	return -EOPNOTSUPP;
}

/* 6.1 and 6.12: mvm/d3.c 19 */
static void set_rekey_data(struct ieee80211_hw *hw, struct ieee80211_vif *vif,
			   struct cfg80211_gtk_rekey_data *data)
{
	if (vif == mvm.csme_vif)
		mvm.akm = data->akm & 0xff;
}

static void adopt(const struct ieee80211_ops *below)
{
	mvm.below = below;
	mvm.ops = *below;
	mvm.ops.start = start;
	mvm.ops.stop = stop;
	mvm.ops.add_interface = add_interface;
	mvm.ops.remove_interface = remove_interface;
	mvm.ops.vif_cfg_changed = vif_cfg_changed;
	mvm.ops.sta_add = NULL;
	mvm.ops.sta_remove = NULL;
	mvm.ops.sta_state = sta_state;
	mvm.ops.set_key = set_key;
	mvm.ops.set_rekey_data = set_rekey_data;
}

/* -- what mac80211_hwsim calls ---------------------------------------------- */

struct ieee80211_hw *iwlmvm_shim_alloc_hw(size_t size,
					  const struct ieee80211_ops *ops,
					  const char *name);
int iwlmvm_shim_register_hw(struct ieee80211_hw *hw);
void iwlmvm_shim_unregister_hw(struct ieee80211_hw *hw);
void iwlmvm_shim_free_hw(struct ieee80211_hw *hw);

struct ieee80211_hw *iwlmvm_shim_alloc_hw(size_t size,
					  const struct ieee80211_ops *ops,
					  const char *name)
{
	if (mvm.hw)
		return ieee80211_alloc_hw_nm(size, ops, name);
	adopt(ops);
	mvm.hw = ieee80211_alloc_hw_nm(size, &mvm.ops, name);
	if (mvm.hw)
		mvm_begin();
	return mvm.hw;
}
EXPORT_SYMBOL_GPL(iwlmvm_shim_alloc_hw);

int iwlmvm_shim_register_hw(struct ieee80211_hw *hw)
{
	int err;

	if (hw != mvm.hw)
		return ieee80211_register_hw(hw);
	mvm_before_registration();
	err = ieee80211_register_hw(hw);
	if (!err)
		mvm_after_registration();
	return err;
}
EXPORT_SYMBOL_GPL(iwlmvm_shim_register_hw);

void iwlmvm_shim_unregister_hw(struct ieee80211_hw *hw)
{
	if (hw == mvm.hw)
		mvm_before_unregistration();
	ieee80211_unregister_hw(hw);
}
EXPORT_SYMBOL_GPL(iwlmvm_shim_unregister_hw);

void iwlmvm_shim_free_hw(struct ieee80211_hw *hw)
{
	if (hw == mvm.hw) {
		mvm_end();
		mvm.hw = NULL;
	}
	ieee80211_free_hw(hw);
}
EXPORT_SYMBOL_GPL(iwlmvm_shim_free_hw);

static int __init shim_init(void)
{
	mutex_init(&mvm.mutex);
	spin_lock_init(&mvm.lock);
	return 0;
}

static void __exit shim_exit(void)
{
}

module_init(shim_init);
module_exit(shim_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("What iwlmvm does with iwlmei, over a radio of mac80211_hwsim");
