// SPDX-License-Identifier: GPL-2.0-only
/*
 * What iwlmvm does with iwlmei, restated: all of it but its vendor commands,
 * which are in vendor.c, and what it does to scans, which is in scan.c, and
 * nothing else. Beside each part stand the lines of
 * drivers/net/wireless/intel/iwlwifi/mvm that it restates, of Linux 6.1.176 and
 * of 6.12.117 as Debian has them.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/moduleparam.h>
#include <linux/rtnetlink.h>
#include <linux/version.h>
#include <net/cfg80211.h>

#include "shim.h"

/* 6.1: mvm.h 2214; 6.12: mvm.h 2830. No radio of hwsim is too hot or switched off by hardware. */
static void set_sw_rfkill_state(void)
{
	bool blocked = mvm.hw_registered ?
			       rfkill_soft_blocked(mvm.hw->wiphy->rfkill) :
			       false;

	if (mvm.mei_registered)
		iwl_mei_set_rfkill_state(false, blocked);
}

/* 6.1: mvm.h 2208; 6.12: mvm.h 2824 */
static void device_state(bool up)
{
	if (mvm.mei_registered)
		iwl_mei_device_state(up);
}

/* 6.1: mvm.h 2187; 6.12: mvm.h 2803 */
int mvm_get_ownership(void)
{
	lockdep_assert_held(&mvm.mutex);
	return mvm.mei_registered ? iwl_mei_get_ownership() : 0;
}

/* -- what iwlmei calls ------------------------------------------------------ */

/* 6.1: ops.c 961; 6.12: ops.c 1145. It is only ever replaced. */
static void me_conn_status(void *priv, const struct iwl_mei_conn_info *info)
{
	spin_lock_bh(&mvm.lock);
	mvm.csme_conn_info = *info;
	mvm.has_csme_conn_info = true;
	spin_unlock_bh(&mvm.lock);
}

static void set_block(bool blocked)
{
	mvm.mei_rfkill_blocked = blocked;
	if (mvm.hw_registered)
		wiphy_rfkill_set_hw_state_reason(mvm.hw->wiphy, blocked,
						 RFKILL_HARD_BLOCK_NOT_OWNER);
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
/* 6.12: ops.c 1168 */
static void rfkill(void *priv, bool blocked, bool csme_taking_ownership)
{
	if (blocked && !csme_taking_ownership)
		return;
	set_block(blocked);
}
#else
/* 6.1: ops.c 984 */
static void rfkill(void *priv, bool blocked)
{
	set_block(blocked);
}
#endif

/* 6.1: ops.c 997; 6.12: ops.c 1185 */
static void roaming_forbidden(void *priv, bool forbidden)
{
	if (!mvm.hw_registered || !mvm.csme_vif)
		return;
	vendor_send_roaming_forbidden(mvm.csme_vif, forbidden);
}

/*
 * 6.1: ops.c 1039; 6.12: ops.c 1227. There it starts a radio whose NVM only
 * CSME could read. A radio of hwsim has none, and has started.
 */
static void sap_connected(void *priv)
{
}

/* 6.1: ops.c 1047; 6.12: ops.c 1235 */
static void nic_stolen(void *priv)
{
	rtnl_lock();
	cfg80211_shutdown_all_interfaces(mvm.hw->wiphy);
	rtnl_unlock();
}

/* 6.1: ops.c 1056; 6.12: ops.c 1244 */
static const struct iwl_mei_ops mei_ops = {
	.me_conn_status = me_conn_status,
	.rfkill = rfkill,
	.roaming_forbidden = roaming_forbidden,
	.sap_connected = sap_connected,
	.nic_stolen = nic_stolen,
};

/* -- the driver's coming and going ------------------------------------------ */

/* 6.1: ops.c 1323; 6.12: ops.c 1539 */
void mvm_begin(void)
{
	scan_begin();
	mvm.mei_registered = !iwl_mei_register(&mvm, &mei_ops);
}

/* 6.1: ops.c 760; 6.12: ops.c 944 */
void mvm_after_registration(void)
{
	mvm.hw_registered = true;
	set_block(mvm.mei_rfkill_blocked);
	set_sw_rfkill_state();
}

/* 6.1: ops.c 1380; 6.12: ops.c 1599 */
void mvm_before_unregistration(void)
{
	if (!mvm.mei_registered)
		return;
	rtnl_lock();
	iwl_mei_set_netdev(NULL);
	rtnl_unlock();
	iwl_mei_start_unregister();
}

/* 6.1: ops.c 1437; 6.12: ops.c 1659 */
void mvm_end(void)
{
	mvm.hw_registered = false;
	if (mvm.mei_registered)
		iwl_mei_unregister_complete();
	scan_end();
	mvm.mei_registered = false;
	mvm.mei_rfkill_blocked = false;
	mvm.csme_vif = NULL;
	mvm.has_csme_conn_info = false;
	mvm.akm = 0;
}

/*
 * While SAP is down, the NIC's own hardware tells who may use it: CSME sees
 * that the host does, and the host that CSME holds it.
 */
module_param_named(started, mvm.started, bool, 0444);
module_param_named(csme_holds, mvm.csme_holds, bool, 0644);

/* 6.1: pcie/trans.c 599; 6.12: pcie/trans.c 604. With SAP, CSME has granted it. */
static int prepare_card_hw(void)
{
	int iter, t;

	if (iwl_mei_is_connected())
		return 0;
	for (iter = 0; iter < 10; iter++) {
		for (t = 0; t < 150000; t += 200) {
			if (!READ_ONCE(mvm.csme_holds))
				return 0;
			if (iwl_mei_is_connected())
				return -EBUSY;
			usleep_range(200, 1000);
		}
		msleep(25);
	}
	wiphy_err(mvm.hw->wiphy, "Couldn't prepare the card\n");
	return -ETIMEDOUT;
}

/* mvm.h: IWL_MAX_INIT_RETRY */
#define TRIES (1 + 2)

/*
 * 6.1: mac80211.c 973, 1030; 6.12: mac80211.c 1206, 1292. After a suspend it is
 * the same, without WoWLAN. The firmware's start never fails here.
 */
int mvm_mac_start(void)
{
	int try, err = 0;

	mutex_lock(&mvm.mutex);
	for (try = 0; try < TRIES; try++) {
		err = mvm_get_ownership();
		if (!err)
			err = prepare_card_hw();
		if (!err)
			break;
		wiphy_err(mvm.hw->wiphy, "mac start retry %d\n", try);
	}
	/* 6.1: fw.c 1668; 6.12: fw.c 1621 */
	if (!err)
		device_state(true);
	mutex_unlock(&mvm.mutex);
	return err;
}

/* The end of the same. */
void mvm_mac_started(int err)
{
	if (err)
		device_state(false);
	WRITE_ONCE(mvm.started, !err);
	set_sw_rfkill_state();
}

/* 6.1: mac80211.c 1179; 6.12: mac80211.c 1452. Before a suspend it is the same, without WoWLAN. */
void mvm_mac_stop(void)
{
	set_sw_rfkill_state();
}

/* 6.1: ops.c 1377; 6.12: ops.c 1596, mac80211.c 1383 */
void mvm_mac_stopped(void)
{
	mutex_lock(&mvm.mutex);
	WRITE_ONCE(mvm.started, false);
	device_state(false);
	mutex_unlock(&mvm.mutex);
}

/* -- the interface and its connection ---------------------------------------- */

/* 6.1: mac80211.c 1458; 6.12: mac80211.c 1868, mld-mac80211.c 95 */
void mvm_interface_added(struct ieee80211_vif *vif)
{
	mutex_lock(&mvm.mutex);
	if (vif->type == NL80211_IFTYPE_STATION && !vif->p2p &&
	    !mvm.csme_vif && mvm.mei_registered) {
		iwl_mei_set_nic_info(vif->addr, mvm.hw->wiphy->perm_addr);
		iwl_mei_set_netdev(ieee80211_vif_to_wdev(vif)->netdev);
		radio_watch(ieee80211_vif_to_wdev(vif)->netdev);
		mvm.csme_vif = vif;
		mvm.associated = false;
	}
	mutex_unlock(&mvm.mutex);
}

/* 6.1: mac80211.c 1516; 6.12: mac80211.c 1932 */
void mvm_interface_removed(struct ieee80211_vif *vif)
{
	mutex_lock(&mvm.mutex);
	if (vif == mvm.csme_vif) {
		radio_watch(NULL);
		iwl_mei_set_netdev(NULL);
		mvm.csme_vif = NULL;
	}
	mutex_unlock(&mvm.mutex);
}

/* 6.1: mac80211.c 3045; 6.12: mac80211.c 3710. False: nothing is sent. */
static bool find_cipher(u8 *cipher)
{
	switch (mvm.pairwise_cipher) {
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	case WLAN_CIPHER_SUITE_TKIP:
		*cipher = IWL_MEI_CIPHER_TKIP;
		return true;
#endif
	case WLAN_CIPHER_SUITE_CCMP:
		*cipher = IWL_MEI_CIPHER_CCMP;
		return true;
	case WLAN_CIPHER_SUITE_GCMP:
		*cipher = IWL_MEI_CIPHER_GCMP;
		return true;
	case WLAN_CIPHER_SUITE_GCMP_256:
		*cipher = IWL_MEI_CIPHER_GCMP_256;
		return true;
	case 0:
		*cipher = IWL_MEI_CIPHER_NONE;
		return true;
	}
	return false;
}

/*
 * 6.1: mac80211.c 3064; 6.12: mac80211.c 3731. False: nothing is sent. It is
 * what the supplicant told last, which is of an earlier connection: it tells
 * after a connection was authorized. wpa_supplicant 2.10 tells keys and no AKM,
 * so that all it makes count as open.
 */
static bool find_akm(u8 *auth)
{
	switch (mvm.akm) {
	case WLAN_AKM_SUITE_SAE & 0xff:
		*auth = IWL_MEI_AKM_AUTH_SAE;
		return true;
	case WLAN_AKM_SUITE_PSK & 0xff:
		*auth = IWL_MEI_AKM_AUTH_RSNA_PSK;
		return true;
	case WLAN_AKM_SUITE_8021X & 0xff:
		*auth = IWL_MEI_AKM_AUTH_RSNA;
		return true;
	case 0:
		*auth = IWL_MEI_AKM_AUTH_OPEN;
		return true;
	}
	return false;
}

static struct ieee80211_channel *channel_of(struct ieee80211_vif *vif)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 9, 0)
	return vif->bss_conf.chanreq.oper.chan;
#else
	return vif->bss_conf.chandef.chan;
#endif
}

/* 6.1: mac80211.c 3030, 3237; 6.12: mac80211.c 3688, 4017 */
void mvm_authorized(struct ieee80211_vif *vif)
{
	struct iwl_mei_conn_info info = {
		.ssid_len = vif->cfg.ssid_len,
	};
	struct ieee80211_channel *channel = channel_of(vif);

	if (!mvm.mei_registered || !channel || !find_cipher(&info.pairwise_cipher) ||
	    !find_akm(&info.auth_mode))
		return;
	/* There the hw_value is the channel's number; hwsim's is its frequency. */
	info.channel = ieee80211_frequency_to_channel(channel->center_freq);
	memcpy(info.ssid, vif->cfg.ssid, vif->cfg.ssid_len);
	memcpy(info.bssid, vif->bss_conf.bssid, ETH_ALEN);
	iwl_mei_host_associated(&info, NULL);
}

/* 6.1: mac80211.c 2273; 6.12: mac80211.c 2935. There, too, for each interface. */
void mvm_association_changed(struct ieee80211_vif *vif)
{
	bool was = mvm.associated;

	mvm.associated = vif->cfg.assoc;
	if (was && !vif->cfg.assoc && mvm.mei_registered)
		iwl_mei_host_disassociated();
}

/* 6.1: mvm.h 2194; 6.12: mvm.h 2810 */
void mvm_transmitted(struct sk_buff *frame)
{
	if (mvm.mei_registered)
		iwl_mei_tx_copy_to_csme(frame, 0);
}
