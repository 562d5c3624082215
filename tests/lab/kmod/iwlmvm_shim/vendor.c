// SPDX-License-Identifier: GPL-2.0-only
/*
 * iwlmvm's vendor commands and event, restated. Beside each part stand the
 * lines of mvm/vendor-cmd.c, which are the same in Linux 6.1 and 6.12.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/nl80211-vnd-intel.h>
#include <net/cfg80211.h>
#include <net/netlink.h>

#include "shim.h"

static const struct nla_policy
vendor_attr_policy[NUM_IWL_MVM_VENDOR_ATTR] = {
	[IWL_MVM_VENDOR_ATTR_ROAMING_FORBIDDEN] = { .type = NLA_U8 },
	[IWL_MVM_VENDOR_ATTR_AUTH_MODE] = { .type = NLA_U32 },
	[IWL_MVM_VENDOR_ATTR_CHANNEL_NUM] = { .type = NLA_U8 },
	[IWL_MVM_VENDOR_ATTR_SSID] = { .type = NLA_BINARY,
				       .len = IEEE80211_MAX_SSID_LEN },
	[IWL_MVM_VENDOR_ATTR_BAND] = { .type = NLA_U8 },
	[IWL_MVM_VENDOR_ATTR_COLLOC_CHANNEL] = { .type = NLA_U8 },
	[IWL_MVM_VENDOR_ATTR_COLLOC_ADDR] = { .type = NLA_BINARY,
					      .len = ETH_ALEN },
};

/* vendor-cmd.c 21 */
static int get_csme_conn_info(struct wiphy *wiphy, struct wireless_dev *wdev,
			      const void *data, int data_len)
{
	struct iwl_mei_conn_info info;
	struct sk_buff *skb;
	bool known;

	mutex_lock(&mvm.mutex);
	spin_lock_bh(&mvm.lock);
	known = mvm.has_csme_conn_info;
	info = mvm.csme_conn_info;
	spin_unlock_bh(&mvm.lock);
	mutex_unlock(&mvm.mutex);
	if (!known)
		return -EINVAL;

	skb = cfg80211_vendor_cmd_alloc_reply_skb(wiphy, 200);
	if (!skb)
		return -ENOMEM;
	if (nla_put_u32(skb, IWL_MVM_VENDOR_ATTR_AUTH_MODE, info.auth_mode) ||
	    nla_put(skb, IWL_MVM_VENDOR_ATTR_SSID, info.ssid_len, info.ssid) ||
	    nla_put_u32(skb, IWL_MVM_VENDOR_ATTR_STA_CIPHER,
			info.pairwise_cipher) ||
	    nla_put_u8(skb, IWL_MVM_VENDOR_ATTR_CHANNEL_NUM, info.channel) ||
	    nla_put(skb, IWL_MVM_VENDOR_ATTR_ADDR, ETH_ALEN, info.bssid)) {
		kfree_skb(skb);
		return -ENOBUFS;
	}
	return cfg80211_vendor_cmd_reply(skb);
}

/* vendor-cmd.c 68 */
static int host_get_ownership(struct wiphy *wiphy, struct wireless_dev *wdev,
			      const void *data, int data_len)
{
	int err;

	mutex_lock(&mvm.mutex);
	err = mvm_get_ownership();
	mutex_unlock(&mvm.mutex);
	return err;
}

/* vendor-cmd.c 84 */
static const struct wiphy_vendor_command vendor_commands[] = {
	{
		.info = {
			.vendor_id = INTEL_OUI,
			.subcmd = IWL_MVM_VENDOR_CMD_GET_CSME_CONN_INFO,
		},
		.doit = get_csme_conn_info,
		.flags = WIPHY_VENDOR_CMD_NEED_WDEV,
		.policy = vendor_attr_policy,
		.maxattr = MAX_IWL_MVM_VENDOR_ATTR,
	},
	{
		.info = {
			.vendor_id = INTEL_OUI,
			.subcmd = IWL_MVM_VENDOR_CMD_HOST_GET_OWNERSHIP,
		},
		.doit = host_get_ownership,
		.flags = WIPHY_VENDOR_CMD_NEED_WDEV,
		.policy = vendor_attr_policy,
		.maxattr = MAX_IWL_MVM_VENDOR_ATTR,
	},
};

/* vendor-cmd.c 107: 0 to 3 are deprecated */
enum { EVENT_ROAMING_FORBIDDEN = 4, EVENTS };

static const struct nl80211_vendor_cmd_info vendor_events[EVENTS] = {
	[EVENT_ROAMING_FORBIDDEN] = {
		.vendor_id = INTEL_OUI,
		.subcmd = IWL_MVM_VENDOR_CMD_ROAMING_FORBIDDEN_EVENT,
	},
};

/* vendor-cmd.c 129 */
void vendor_send_roaming_forbidden(struct ieee80211_vif *vif, bool forbidden)
{
	struct sk_buff *msg =
		cfg80211_vendor_event_alloc(mvm.hw->wiphy,
					    ieee80211_vif_to_wdev(vif), 200,
					    EVENT_ROAMING_FORBIDDEN,
					    GFP_ATOMIC);

	if (!msg)
		return;
	if (nla_put(msg, IWL_MVM_VENDOR_ATTR_VIF_ADDR, ETH_ALEN, vif->addr) ||
	    nla_put_u8(msg, IWL_MVM_VENDOR_ATTR_ROAMING_FORBIDDEN, forbidden)) {
		kfree_skb(msg);
		return;
	}
	cfg80211_vendor_event(msg, GFP_ATOMIC);
}

/* vendor-cmd.c 121 */
void vendor_register(void)
{
	struct wiphy *wiphy = mvm.hw->wiphy;

	wiphy->vendor_commands = vendor_commands;
	wiphy->n_vendor_commands = ARRAY_SIZE(vendor_commands);
	wiphy->vendor_events = vendor_events;
	wiphy->n_vendor_events = ARRAY_SIZE(vendor_events);
}
