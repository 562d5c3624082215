// SPDX-License-Identifier: GPL-2.0-only
/*
 * Makes sysfs call iwlwifi the driver of a mac80211_hwsim radio. Nothing else
 * changes: the radio stays hwsim's.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <net/net_namespace.h>

static char ifname[IFNAMSIZ] = "wlan0";
module_param_string(netdev, ifname, sizeof(ifname), 0444);
MODULE_PARM_DESC(netdev, "an interface of the radio, in the initial network namespace (wlan0)");

static struct platform_driver driver = {
	.driver = { .name = "iwlwifi" },
};

static struct device *radio;
static struct device_driver *original;

/* As hwsim itself does it: its radios sit on no bus that could bind them. */
static int rebind(struct device_driver *to)
{
	device_release_driver(radio);
	radio->driver = to;
	return device_bind_driver(radio);
}

static int __init iwlwifi_init(void)
{
	struct net_device *dev;
	int err;

	err = platform_driver_register(&driver);
	if (err)
		return err;
	dev = dev_get_by_name(&init_net, ifname);
	if (!dev || !dev->dev.parent || !dev->dev.parent->driver) {
		pr_err("no radio behind an interface %s\n", ifname);
		err = -ENODEV;
	} else {
		radio = get_device(dev->dev.parent);
		original = radio->driver;
		err = rebind(&driver.driver);
	}
	if (dev)
		dev_put(dev);
	if (err) {
		if (radio)
			put_device(radio);
		platform_driver_unregister(&driver);
	}
	return err;
}

/* Unload it before hwsim: the original driver must still be there. */
static void __exit iwlwifi_exit(void)
{
	if (radio->driver == &driver.driver && rebind(original))
		pr_err("the radio has no driver now\n");
	put_device(radio);
	platform_driver_unregister(&driver);
}

module_init(iwlwifi_init);
module_exit(iwlwifi_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("Stand-in for the name of the radio's driver");
