// SPDX-License-Identifier: GPL-2.0-only
/*
 * A management engine in software: a device of the kernel's own MEI driver,
 * whose firmware is a program. What clients it has, and what they say, is the
 * program's affair.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pm_runtime.h>
#include <linux/version.h>

#include "engine.h"

struct csme_engine csme_engine;

static int probe(struct platform_device *pdev)
{
	struct csme_engine *engine = &csme_engine;
	struct device *dev = &pdev->dev;
	struct mei_device *mei;
	int err;

	mei = devm_kzalloc(dev, sizeof(*mei), GFP_KERNEL);
	if (!mei)
		return -ENOMEM;
	err = dma_coerce_mask_and_coherent(dev, DMA_BIT_MASK(64));
	if (err)
		return err;
	mei_device_init(mei, dev, false, &csme_hw_ops);
	platform_set_drvdata(pdev, mei);
	/* Always awake: mei_cl_dma_alloc_and_map() and others only ask. */
	pm_runtime_set_active(dev);
	pm_runtime_get_noresume(dev);
	pm_runtime_enable(dev);
	/* As all PCI devices: iwlmei waits for the radio, which suspends beside. */
	device_enable_async_suspend(dev);
	WRITE_ONCE(engine->mei, mei);

	err = mei_start(mei);
	if (err) {
		dev_err(dev, "the firmware does not start: %d\n", err);
		goto no_start;
	}
	err = mei_register(mei, dev);
	if (!err)
		return 0;
	mei_stop(mei);
no_start:
	mei_cancel_work(mei);
	WRITE_ONCE(engine->mei, NULL);
	cancel_work_sync(&engine->interrupt);
	pm_runtime_disable(dev);
	pm_runtime_put_noidle(dev);
	return err;
}

static void leave(struct platform_device *pdev)
{
	struct mei_device *mei = platform_get_drvdata(pdev);
	struct csme_engine *engine = &csme_engine;

	mei_stop(mei);
	mei_deregister(mei);
	WRITE_ONCE(engine->mei, NULL);
	cancel_work_sync(&engine->interrupt);
	csme_memory_forget_all(engine);
	pm_runtime_disable(&pdev->dev);
	pm_runtime_put_noidle(&pdev->dev);
}

/* include/linux/platform_device.h: remove returned an int until 6.10. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 11, 0)
#define csme_remove leave
#else
static int csme_remove(struct platform_device *pdev)
{
	leave(pdev);
	return 0;
}
#endif

/* As mei_me_pci_suspend() and mei_me_pci_resume() of pci-me.c do it. */
static int suspend(struct device *dev)
{
	mei_stop(dev_get_drvdata(dev));
	return 0;
}

static int resume(struct device *dev)
{
	struct mei_device *mei = dev_get_drvdata(dev);
	int err = mei_restart(mei);

	if (!err)
		schedule_delayed_work(&mei->timer_work, HZ);
	return err;
}

static DEFINE_SIMPLE_DEV_PM_OPS(pm_ops, suspend, resume);

static struct platform_driver driver = {
	.probe = probe,
	.remove = csme_remove,
	.driver = {
		.name = KBUILD_MODNAME,
		.pm = pm_sleep_ptr(&pm_ops),
	},
};

/* The firmware has nobody to speak to any more. */
static void gone(struct csme_engine *engine)
{
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	engine->alive = false;
	engine->firmware_ready = false;
	kfifo_reset(&engine->to_firmware);
	kfifo_reset(&engine->to_host);
	spin_unlock_irqrestore(&engine->lock, flags);
	wake_up_all(&engine->firmware_wait);
}

static void power_on(struct work_struct *work)
{
	struct csme_engine *engine =
		container_of(work, struct csme_engine, power_on);
	struct platform_device *pdev;

	mutex_lock(&engine->power);
	if (!engine->pdev) {
		pdev = platform_device_register_simple(KBUILD_MODNAME,
						       PLATFORM_DEVID_NONE,
						       NULL, 0);
		engine->pdev = IS_ERR(pdev) ? NULL : pdev;
	}
	/* A device that its driver did not start stays. */
	if (!READ_ONCE(engine->mei)) {
		platform_device_unregister(engine->pdev);
		engine->pdev = NULL;
		gone(engine);
	}
	mutex_unlock(&engine->power);
}

static void off(struct csme_engine *engine)
{
	mutex_lock(&engine->power);
	if (engine->pdev)
		platform_device_unregister(engine->pdev);
	engine->pdev = NULL;
	gone(engine);
	mutex_unlock(&engine->power);
}

static void power_off(struct work_struct *work)
{
	off(container_of(work, struct csme_engine, power_off));
}

static int __init csme_init(void)
{
	struct csme_engine *engine = &csme_engine;
	int err;

	mutex_init(&engine->power);
	mutex_init(&engine->memory);
	spin_lock_init(&engine->lock);
	init_waitqueue_head(&engine->firmware_wait);
	INIT_KFIFO(engine->to_firmware);
	INIT_KFIFO(engine->to_host);
	INIT_WORK(&engine->interrupt, csme_interrupt);
	INIT_WORK(&engine->power_on, power_on);
	INIT_WORK(&engine->power_off, power_off);
	engine->reset_told = true;

	err = platform_driver_register(&driver);
	if (err)
		return err;
	err = csme_firmware_register();
	if (err)
		platform_driver_unregister(&driver);
	return err;
}

static void __exit csme_exit(void)
{
	struct csme_engine *engine = &csme_engine;

	csme_firmware_unregister();
	cancel_work_sync(&engine->power_on);
	cancel_work_sync(&engine->power_off);
	off(engine);
	platform_driver_unregister(&driver);
}

module_init(csme_init);
module_exit(csme_exit);

MODULE_LICENSE("GPL");
MODULE_AUTHOR("The vpro.fleet developers");
MODULE_DESCRIPTION("A management engine in software, behind the kernel's own MEI driver");
