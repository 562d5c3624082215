// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wire: two circular buffers between the host's MEI driver and the
 * firmware, as the engine's PCI device has them (drivers/misc/mei/hw-me.c),
 * and the interrupt that tells the host of changes.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/kernel.h>

#include "engine.h"
#include "hbm.h"

static struct csme_engine *engine_of(const struct mei_device *dev)
{
	return &csme_engine;
}

void csme_raise(struct csme_engine *engine)
{
	queue_work(system_highpri_wq, &engine->interrupt);
}

static bool host_is_ready(struct mei_device *dev)
{
	return READ_ONCE(engine_of(dev)->host_ready);
}

static bool hw_is_ready(struct mei_device *dev)
{
	return READ_ONCE(engine_of(dev)->firmware_ready);
}

static int hw_reset(struct mei_device *dev, bool enable)
{
	struct csme_engine *engine = engine_of(dev);
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	engine->host_ready = false;
	engine->firmware_ready = false;
	engine->reset_told = false;
	kfifo_reset(&engine->to_firmware);
	kfifo_reset(&engine->to_host);
	spin_unlock_irqrestore(&engine->lock, flags);
	dev->recvd_hw_ready = false;
	wake_up_all(&engine->firmware_wait);
	return 0;
}

/* As mei_me_hw_start() and mei_me_hw_ready_wait() of hw-me.c do it. */
static int hw_start(struct mei_device *dev)
{
	struct csme_engine *engine = engine_of(dev);

	mutex_unlock(&dev->device_lock);
	wait_event_timeout(dev->wait_hw_ready, dev->recvd_hw_ready,
			   dev->timeouts.hw_ready);
	mutex_lock(&dev->device_lock);
	if (!dev->recvd_hw_ready) {
		dev_err(dev->dev, "the firmware is not ready\n");
		return -ETIME;
	}
	dev->recvd_hw_ready = false;
	WRITE_ONCE(engine->host_ready, true);
	return 0;
}

static int hw_config(struct mei_device *dev)
{
	return 0;
}

static int fw_status(struct mei_device *dev, struct mei_fw_status *status)
{
	status->count = 0;
	return 0;
}

static enum mei_pg_state pg_state(struct mei_device *dev)
{
	return MEI_PG_OFF;
}

static bool pg_in_transition(struct mei_device *dev)
{
	return false;
}

static bool pg_is_enabled(struct mei_device *dev)
{
	return false;
}

static void intr_clear(struct mei_device *dev)
{
}

static void intr_enable(struct mei_device *dev)
{
}

static void intr_disable(struct mei_device *dev)
{
}

static void synchronize(struct mei_device *dev)
{
	flush_work(&engine_of(dev)->interrupt);
}

static int hbuf_free_slots(struct mei_device *dev)
{
	return kfifo_avail(&engine_of(dev)->to_firmware);
}

static bool hbuf_is_ready(struct mei_device *dev)
{
	return kfifo_is_empty(&engine_of(dev)->to_firmware);
}

static u32 hbuf_depth(const struct mei_device *dev)
{
	return CSME_SLOTS;
}

static bool is_bus_message(u32 header)
{
	const struct mei_msg_hdr *hdr = (const struct mei_msg_hdr *)&header;

	return !hdr->host_addr && !hdr->me_addr;
}

/* The host writes one message; device_lock is held. */
static int write(struct mei_device *dev, const void *hdr, size_t hdr_len,
		 const void *data, size_t data_len)
{
	struct csme_engine *engine = engine_of(dev);
	u32 slots[CSME_MESSAGE_MAX / sizeof(u32)] = {};
	unsigned int count = DIV_ROUND_UP(hdr_len + data_len, sizeof(u32));
	unsigned long flags;

	if (WARN_ON(!IS_ALIGNED(hdr_len, sizeof(u32)) ||
		    count > ARRAY_SIZE(slots)))
		return -EINVAL;
	memcpy(slots, hdr, hdr_len);
	memcpy((u8 *)slots + hdr_len, data, data_len);

	/* The firmware may answer as soon as it sees the message. */
	if (is_bus_message(slots[0]))
		csme_memory_asked(engine, dev, data, data_len);

	spin_lock_irqsave(&engine->lock, flags);
	if (kfifo_avail(&engine->to_firmware) < count) {
		spin_unlock_irqrestore(&engine->lock, flags);
		return -EMSGSIZE;
	}
	kfifo_in(&engine->to_firmware, slots, count);
	spin_unlock_irqrestore(&engine->lock, flags);
	wake_up_all(&engine->firmware_wait);
	return 0;
}

static int rdbuf_full_slots(struct mei_device *dev)
{
	return kfifo_len(&engine_of(dev)->to_host);
}

static u32 read_hdr(const struct mei_device *dev)
{
	struct csme_engine *engine = engine_of(dev);
	unsigned long flags;
	u32 header = 0;

	spin_lock_irqsave(&engine->lock, flags);
	if (!kfifo_out(&engine->to_host, &header, 1))
		header = 0;
	spin_unlock_irqrestore(&engine->lock, flags);
	return header;
}

static int read_slots(struct mei_device *dev, unsigned char *buf,
		      unsigned long len)
{
	struct csme_engine *engine = engine_of(dev);
	u32 slots[CSME_MESSAGE_MAX / sizeof(u32)];
	unsigned int count = DIV_ROUND_UP(len, sizeof(u32));
	unsigned long flags;

	if (WARN_ON(count > ARRAY_SIZE(slots)))
		return -EINVAL;
	spin_lock_irqsave(&engine->lock, flags);
	count = kfifo_out(&engine->to_host, slots, count);
	spin_unlock_irqrestore(&engine->lock, flags);
	memcpy(buf, slots, min(len, count * sizeof(u32)));
	return 0;
}

const struct mei_hw_ops csme_hw_ops = {
	.fw_status = fw_status,
	.pg_state = pg_state,

	.host_is_ready = host_is_ready,
	.hw_is_ready = hw_is_ready,
	.hw_reset = hw_reset,
	.hw_config = hw_config,
	.hw_start = hw_start,

	.pg_in_transition = pg_in_transition,
	.pg_is_enabled = pg_is_enabled,

	.intr_clear = intr_clear,
	.intr_enable = intr_enable,
	.intr_disable = intr_disable,
	.synchronize_irq = synchronize,

	.hbuf_free_slots = hbuf_free_slots,
	.hbuf_is_ready = hbuf_is_ready,
	.hbuf_depth = hbuf_depth,
	.write = write,

	.rdbuf_full_slots = rdbuf_full_slots,
	.read_hdr = read_hdr,
	.read = read_slots,
};

static void needs_reset(struct mei_device *dev)
{
	if (dev->dev_state != MEI_DEV_RESETTING &&
	    dev->dev_state != MEI_DEV_DISABLED &&
	    dev->dev_state != MEI_DEV_POWERING_DOWN &&
	    dev->dev_state != MEI_DEV_POWER_DOWN)
		schedule_work(&dev->reset_work);
}

/* What mei_me_irq_thread_handler() of hw-me.c does. */
static void handle(struct mei_device *dev)
{
	struct list_head done;
	s32 slots;
	int err;

	INIT_LIST_HEAD(&done);
	if (!mei_hw_is_ready(dev)) {
		needs_reset(dev);
		return;
	}
	if (!mei_host_is_ready(dev)) {
		dev->recvd_hw_ready = true;
		wake_up(&dev->wait_hw_ready);
		return;
	}
	slots = mei_count_full_read_slots(dev);
	while (slots > 0) {
		err = mei_irq_read_handler(dev, &done, &slots);
		if (err == -ENODATA)
			break;
		if (err) {
			dev_err(dev->dev, "bad message from the firmware: %d\n",
				err);
			needs_reset(dev);
			goto out;
		}
	}
	dev->hbuf_is_ready = mei_hbuf_is_ready(dev);
	mei_irq_write_handler(dev, &done);
	dev->hbuf_is_ready = mei_hbuf_is_ready(dev);
out:
	mei_irq_compl_handler(dev, &done);
}

void csme_interrupt(struct work_struct *work)
{
	struct csme_engine *engine =
		container_of(work, struct csme_engine, interrupt);
	struct mei_device *dev = READ_ONCE(engine->mei);

	if (!dev)
		return;
	mutex_lock(&dev->device_lock);
	handle(dev);
	mutex_unlock(&dev->device_lock);
	/* There may be room for the firmware's next message. */
	wake_up_all(&engine->firmware_wait);
}
