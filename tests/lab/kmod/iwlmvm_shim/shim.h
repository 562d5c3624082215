/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What iwlmvm does with iwlmei, over a radio of mac80211_hwsim.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#ifndef IWLMVM_SHIM_H
#define IWLMVM_SHIM_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <net/mac80211.h>

#include "mei/iwl-mei.h"

/* The radio that CSME may own, as struct iwl_mvm is it (mvm/mvm.h). */
struct mvm {
	struct ieee80211_hw *hw;
	/* Those of mac80211_hwsim, and those that mac80211 has instead. */
	const struct ieee80211_ops *below;
	struct ieee80211_ops ops;

	struct mutex mutex;
	bool mei_registered;
	bool hw_registered;
	bool mei_rfkill_blocked;
	/* What the NIC's hardware tells both sides, see mvm.c. */
	bool started;
	bool csme_holds;
	/* The interface that CSME knows of; RTNL and the mutex guard it. */
	struct ieee80211_vif *csme_vif;
	bool associated;
	/* An nl80211 number, of the pairwise key; the last byte of the AKM that the supplicant told. */
	u32 pairwise_cipher;
	u8 akm;

	/* Guards what CSME told of its connection. */
	spinlock_t lock;
	bool has_csme_conn_info;
	struct iwl_mei_conn_info csme_conn_info;
};

extern struct mvm mvm;

/* mvm.c: what iwlmvm does. */
void mvm_begin(void);
void mvm_after_registration(void);
void mvm_before_unregistration(void);
void mvm_end(void);
int mvm_mac_start(void);
void mvm_mac_started(int err);
void mvm_mac_stop(void);
void mvm_mac_stopped(void);
void mvm_interface_added(struct ieee80211_vif *vif);
void mvm_interface_removed(struct ieee80211_vif *vif);
void mvm_authorized(struct ieee80211_vif *vif);
void mvm_association_changed(struct ieee80211_vif *vif);
void mvm_transmitted(struct sk_buff *frame);
int mvm_get_ownership(void);

/* scan.c: what iwlmvm does to scans. */
void scan_begin(void);
void scan_end(void);
void scan_limit(struct cfg80211_scan_request *req);
void scan_completed(void);
bool scan_keeps(struct sk_buff *skb);

/* vendor.c: iwlmvm's vendor commands and event. */
void vendor_register(void);
void vendor_send_roaming_forbidden(struct ieee80211_vif *vif, bool forbidden);

/* radio.c: look at what an interface sends; NULL: at none. */
void radio_watch(struct net_device *dev);

#endif
