// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the WLAN switch of a laptop's platform driver (dell-wifi,
 * hp-wifi): an rfkill switch of its own. While it is soft-blocked, the firmware
 * pulls the pin of the radio, and the radio's driver reports a hard block with
 * the reason "signal".
 *
 * Copyright 2026 The vpro.fleet developers
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/rfkill.h>
#include <linux/rtnetlink.h>
#include <linux/workqueue.h>
#include <net/cfg80211.h>
#include <net/net_namespace.h>

static char ifname[IFNAMSIZ] = "wlan0";
module_param_string(netdev, ifname, sizeof(ifname), 0444);
MODULE_PARM_DESC(netdev, "an interface of the radio, in the initial network namespace (wlan0)");

static char switch_name[32] = "dell-wifi";
module_param_string(name, switch_name, sizeof(switch_name), 0444);
MODULE_PARM_DESC(name, "the switch's name (dell-wifi)");

static unsigned int delay_ms = 200;
module_param(delay_ms, uint, 0644);
MODULE_PARM_DESC(delay_ms, "the time from a change of the switch to that of the pin, in ms (200)");

static bool stuck;
module_param(stuck, bool, 0644);
MODULE_PARM_DESC(stuck, "the pin stays pulled when the block is lifted (0)");

static struct platform_device *platform;
static struct rfkill *rfkill;
static bool pulled;

static void set_pin(bool blocked)
{
	struct net_device *dev;

	rtnl_lock();
	dev = __dev_get_by_name(&init_net, ifname);
	if (dev && dev->ieee80211_ptr && dev->ieee80211_ptr->wiphy)
		wiphy_rfkill_set_hw_state_reason(dev->ieee80211_ptr->wiphy, blocked,
						 RFKILL_HARD_BLOCK_SIGNAL);
	else
		pr_info("no radio behind an interface %s\n", ifname);
	rtnl_unlock();
}

static void pin_work_fn(struct work_struct *work)
{
	set_pin(READ_ONCE(pulled));
}

static DECLARE_DELAYED_WORK(pin_work, pin_work_fn);

/* rfkill calls it with its mutex, so the pin is moved later, as by firmware. */
static int switch_set_block(void *data, bool blocked)
{
	if (!blocked && READ_ONCE(stuck))
		return 0;
	if (blocked == READ_ONCE(pulled))
		return 0;
	WRITE_ONCE(pulled, blocked);
	mod_delayed_work(system_wq, &pin_work, msecs_to_jiffies(delay_ms));
	return 0;
}

static const struct rfkill_ops switch_ops = {
	.set_block = switch_set_block,
};

static int __init platform_switch_init(void)
{
	int err;

	platform = platform_device_register_simple(KBUILD_MODNAME, PLATFORM_DEVID_NONE,
						   NULL, 0);
	if (IS_ERR(platform))
		return PTR_ERR(platform);
	rfkill = rfkill_alloc(switch_name, &platform->dev, RFKILL_TYPE_WLAN,
			      &switch_ops, NULL);
	if (!rfkill) {
		err = -ENOMEM;
		goto no_switch;
	}
	err = rfkill_register(rfkill);
	if (!err)
		return 0;
	rfkill_destroy(rfkill);
no_switch:
	platform_device_unregister(platform);
	return err;
}

static void __exit platform_switch_exit(void)
{
	rfkill_unregister(rfkill);
	rfkill_destroy(rfkill);
	cancel_delayed_work_sync(&pin_work);
	if (pulled)
		set_pin(false);
	platform_device_unregister(platform);
}

module_init(platform_switch_init);
module_exit(platform_switch_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("Stand-in for the WLAN switch of a laptop's platform");
