// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for what userspace sees of iwlmei: the module, the management
 * engine's wireless client on the bus "mei" with iwlmei as its driver, and the
 * status in debugfs. It talks to nobody; csme_standin.c plays CSME.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/version.h>

/* The name that the mei bus gives a client: <controller>-<uuid> */
#define CLIENT "0000:00:16.0-13280904-7792-4fcb-a1aa-5e70cbb1e865"
/* IWL_MEI_STATUS_SAP_CONNECTED */
#define SAP_CONNECTED BIT(0)

static bool bound = true;
module_param(bound, bool, 0444);
MODULE_PARM_DESC(bound, "the engine shows a wireless client, and iwlmei is its driver (1)");

static bool sap_connected = true;
module_param(sap_connected, bool, 0444);
MODULE_PARM_DESC(sap_connected, "CSME answers (1)");

static u32 status;
static struct dentry *folder;
static struct device *controller;

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
static int match(struct device *dev, const struct device_driver *drv)
#else
static int match(struct device *dev, struct device_driver *drv)
#endif
{
	return 1;
}

static struct bus_type mei_bus = {
	.name = "mei",
	.match = match,
};

static struct device_driver mei_driver = {
	.name = "iwlmei",
	.bus = &mei_bus,
	.owner = THIS_MODULE,
};

static void client_release(struct device *dev)
{
	kfree(dev);
}

static struct device *client;

static int client_add(void)
{
	int err;

	client = kzalloc(sizeof(*client), GFP_KERNEL);
	if (!client)
		return -ENOMEM;
	client->bus = &mei_bus;
	client->parent = controller;
	client->release = client_release;
	err = dev_set_name(client, CLIENT);
	if (!err)
		err = device_register(client);
	if (err) {
		put_device(client);
		client = NULL;
		return err;
	}
	status = sap_connected ? SAP_CONNECTED : 0;
	folder = debugfs_create_dir(KBUILD_MODNAME, NULL);
	debugfs_create_u32("status", 0400, folder, &status);
	return 0;
}

static int __init iwlmei_init(void)
{
	int err = bus_register(&mei_bus);

	if (err)
		return err;
	err = driver_register(&mei_driver);
	if (err)
		goto no_driver;
	controller = root_device_register("mei-standin");
	if (IS_ERR(controller)) {
		err = PTR_ERR(controller);
		goto no_controller;
	}
	err = bound ? client_add() : 0;
	if (!err)
		return 0;
	root_device_unregister(controller);
no_controller:
	driver_unregister(&mei_driver);
no_driver:
	bus_unregister(&mei_bus);
	return err;
}

static void __exit iwlmei_exit(void)
{
	debugfs_remove(folder);
	if (client)
		device_unregister(client);
	root_device_unregister(controller);
	driver_unregister(&mei_driver);
	bus_unregister(&mei_bus);
}

module_init(iwlmei_init);
module_exit(iwlmei_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("Stand-in for what userspace sees of iwlmei");
