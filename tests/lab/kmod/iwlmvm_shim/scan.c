// SPDX-License-Identifier: GPL-2.0-only
/*
 * What iwlmvm does to the host's scans for CSME from Linux 6.4 on, restated.
 * Beside each part stand the lines of
 * drivers/net/wireless/intel/iwlwifi/mvm that it restates, of 6.12.117.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/etherdevice.h>
#include <linux/skbuff.h>
#include <linux/version.h>
#include <linux/workqueue.h>
#include <net/cfg80211.h>

#include "shim.h"

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
/* scan.c 49 */
#define ITERATIONS 5U

/* mvm.h 958 */
static struct {
	bool limited;
	struct sk_buff_head results;
	struct work_struct work;
} filter;

static bool connection(struct iwl_mei_conn_info *info)
{
	bool known;

	spin_lock_bh(&mvm.lock);
	known = mvm.has_csme_conn_info;
	*info = mvm.csme_conn_info;
	spin_unlock_bh(&mvm.lock);
	return known;
}

/* scan.c 2746: only what CSME's own access point sent is a result. */
static void sort_results(struct work_struct *work)
{
	struct iwl_mei_conn_info info;
	struct sk_buff *skb;

	connection(&info);
	while ((skb = skb_dequeue(&filter.results))) {
		const struct ieee80211_mgmt *mgmt = (const void *)skb->data;

		if (ether_addr_equal(mgmt->bssid, info.bssid))
			ieee80211_rx_irqsafe(mvm.hw, skb);
		else
			kfree_skb(skb);
	}
}

/* ops.c 1541 */
void scan_begin(void)
{
	filter.limited = false;
	skb_queue_head_init(&filter.results);
	INIT_WORK(&filter.work, sort_results);
}

/* There, the driver's end frees what was not sorted yet. */
void scan_end(void)
{
	cancel_work_sync(&filter.work);
	skb_queue_purge(&filter.results);
}

/*
 * scan.c 2787. It does not ask who owns the NIC. There, too, the request that
 * mac80211 made for the driver is changed in its place.
 */
void scan_limit(struct cfg80211_scan_request *req)
{
	struct ieee80211_channel *channel;
	struct iwl_mei_conn_info info;
	u32 i;

	if (!connection(&info) || !info.lp_state || !info.ssid_len)
		return;
	if (!req->n_channels || !req->n_ssids)
		return;
	filter.limited = true;
	channel = ieee80211_get_channel(
		mvm.hw->wiphy,
		ieee80211_channel_to_frequency(info.channel, info.band));
	if (!channel)
		return;
	req->n_channels = min(ITERATIONS, req->n_channels);
	for (i = 0; i < req->n_channels; i++)
		req->channels[i] = channel;
	req->n_ssids = 1;
	req->ssids[0].ssid_len = info.ssid_len;
	memcpy(req->ssids[0].ssid, info.ssid, info.ssid_len);
	wiphy_dbg(mvm.hw->wiphy, "the scan is limited to %u MHz, %u times\n",
		  channel->center_freq, req->n_channels);
}

/* scan.c 3224 */
void scan_completed(void)
{
	filter.limited = false;
}

/* mvm.h 2847, rxmq.c 2356. True: it is kept back. */
bool scan_keeps(struct sk_buff *skb)
{
	const struct ieee80211_mgmt *mgmt = (const void *)skb->data;

	if (!filter.limited ||
	    (!ieee80211_is_probe_resp(mgmt->frame_control) &&
	     !ieee80211_is_beacon(mgmt->frame_control)))
		return false;
	skb_queue_tail(&filter.results, skb);
	schedule_work(&filter.work);
	return true;
}
#else
/* Linux 6.1 scans what it is told to. */
void scan_begin(void)
{
}

void scan_end(void)
{
}

void scan_limit(struct cfg80211_scan_request *req)
{
}

void scan_completed(void)
{
}

bool scan_keeps(struct sk_buff *skb)
{
	return false;
}
#endif
