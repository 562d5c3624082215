// SPDX-License-Identifier: GPL-2.0-only
/*
 * Puts what iwlmvm does between mac80211 and mac80211_hwsim, for the first
 * radio. mac80211_hwsim is the kernel's own, compiled with some of mac80211's
 * functions named as those below (engine.sh), and otherwise as it is.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/udp.h>
#include <linux/version.h>

#include <net/ip.h>

#include "shim.h"

struct mvm mvm;

/* -- what the host sends -------------------------------------------------------- */

/* As mac80211 makes it: a header for the access point, and LLC/SNAP before the packet. */
static const u8 snap[] = { 0xaa, 0xaa, 0x03, 0x00, 0x00, 0x00 };
/* Room for what iwlmei puts before a frame: more than struct iwl_sap_cb_data. */
#define HEADROOM 128

/*
 * iwlmvm hands each data frame to iwlmei before the hardware encrypts it (6.1:
 * mvm/tx.c 1215; 6.12: 1315). What hwsim gets, mac80211 has encrypted: so here
 * it is taken from the network device, and made into what iwlmvm would have.
 */
static int seen(struct sk_buff *skb, struct net_device *dev,
		struct packet_type *type, struct net_device *original)
{
	struct ieee80211_hdr_3addr hdr = {
		.frame_control = cpu_to_le16(IEEE80211_FTYPE_DATA |
					     IEEE80211_STYPE_DATA |
					     IEEE80211_FCTL_TODS),
	};
	const struct ethhdr *eth;
	struct sk_buff *frame;

	if (skb->pkt_type != PACKET_OUTGOING ||
	    skb->protocol != htons(ETH_P_IP) ||
	    !pskb_may_pull(skb, ETH_HLEN + sizeof(struct iphdr)))
		goto out;
	eth = (const struct ethhdr *)skb->data;
	frame = alloc_skb(HEADROOM + sizeof(hdr) + sizeof(snap) + skb->len,
			  GFP_ATOMIC);
	if (!frame)
		goto out;
	memcpy(hdr.addr2, eth->h_source, ETH_ALEN);
	memcpy(hdr.addr3, eth->h_dest, ETH_ALEN);
	skb_reserve(frame, HEADROOM);
	skb_put_data(frame, &hdr, sizeof(hdr));
	skb_put_data(frame, snap, sizeof(snap));
	/* The type of the packet, and the packet. */
	skb_copy_bits(skb, ETH_HLEN - sizeof(__be16),
		      skb_put(frame, skb->len - ETH_HLEN + sizeof(__be16)),
		      skb->len - ETH_HLEN + sizeof(__be16));
	frame->protocol = skb->protocol;
	skb_set_network_header(frame, sizeof(hdr) + sizeof(snap) + sizeof(__be16));
	skb_set_transport_header(frame, skb_network_offset(frame) +
						ip_hdrlen(frame));
	if (skb_transport_offset(frame) + sizeof(struct udphdr) <= frame->len)
		mvm_transmitted(frame);
	kfree_skb(frame);
out:
	kfree_skb(skb);
	return 0;
}

static struct packet_type tap = {
	.type = cpu_to_be16(ETH_P_ALL),
	.func = seen,
};

/* CSME's interface has come or gone; RTNL is held. */
void radio_watch(struct net_device *dev)
{
	if (tap.dev)
		dev_remove_pack(&tap);
	tap.dev = dev;
	if (dev)
		dev_add_pack(&tap);
}

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

/*
 * hwsim's radios without links have the older operations. It adds a station as
 * early as its radios with links do (mac80211_hwsim_sta_state()): from then on
 * mac80211 sends frames with it.
 */
static int below_sta_state(struct ieee80211_hw *hw, struct ieee80211_vif *vif,
			   struct ieee80211_sta *sta,
			   enum ieee80211_sta_state old,
			   enum ieee80211_sta_state new)
{
	if (mvm.below->sta_state)
		return mvm.below->sta_state(hw, vif, sta, old, new);
	if (old == IEEE80211_STA_NOTEXIST)
		return mvm.below->sta_add(hw, vif, sta);
	if (new == IEEE80211_STA_NOTEXIST)
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
	wiphy_dbg(hw->wiphy, "the supplicant tells the AKM %08x\n", data->akm);
	if (vif == mvm.csme_vif)
		mvm.akm = data->akm & 0xff;
}

/* 6.1: mvm/mac80211.c 2673; 6.12: 3320 */
static int hw_scan(struct ieee80211_hw *hw, struct ieee80211_vif *vif,
		   struct ieee80211_scan_request *req)
{
	scan_limit(&req->req);
	return mvm.below->hw_scan(hw, vif, req);
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
	mvm.ops.hw_scan = hw_scan;
}

/* -- what mac80211_hwsim calls ---------------------------------------------- */

struct ieee80211_hw *iwlmvm_shim_alloc_hw(size_t size,
					  const struct ieee80211_ops *ops,
					  const char *name);
int iwlmvm_shim_register_hw(struct ieee80211_hw *hw);
void iwlmvm_shim_unregister_hw(struct ieee80211_hw *hw);
void iwlmvm_shim_free_hw(struct ieee80211_hw *hw);
void iwlmvm_shim_rx_irqsafe(struct ieee80211_hw *hw, struct sk_buff *skb);
void iwlmvm_shim_scan_completed(struct ieee80211_hw *hw,
				struct cfg80211_scan_info *info);

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

	if (hw != mvm.hw) {
		/* Radios of the access point and of CSME, who stay awake when the laptop suspends. */
		device_set_pm_not_required(&hw->wiphy->dev);
		return ieee80211_register_hw(hw);
	}
	vendor_register();
	/* 6.1: mvm/mac80211.c 389; 6.12: 509 */
	ieee80211_hw_set(hw, SINGLE_SCAN_ON_ALL_BANDS);
	/* No radio of Intel's has it, and its 50 channels would be scanned. */
	hw->wiphy->bands[NL80211_BAND_S1GHZ] = NULL;
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

void iwlmvm_shim_rx_irqsafe(struct ieee80211_hw *hw, struct sk_buff *skb)
{
	if (hw != mvm.hw || !scan_keeps(skb))
		ieee80211_rx_irqsafe(hw, skb);
}
EXPORT_SYMBOL_GPL(iwlmvm_shim_rx_irqsafe);

void iwlmvm_shim_scan_completed(struct ieee80211_hw *hw,
				struct cfg80211_scan_info *info)
{
	if (hw == mvm.hw)
		scan_completed();
	ieee80211_scan_completed(hw, info);
}
EXPORT_SYMBOL_GPL(iwlmvm_shim_scan_completed);

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
