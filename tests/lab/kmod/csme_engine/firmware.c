// SPDX-License-Identifier: GPL-2.0-only
/*
 * The firmware's side: /dev/csme_engine. Whoever has it open is the firmware
 * (one at a time).
 *
 *   read   one message of the host's, with its MEI header. Four bytes of 0: the
 *          host has reset the link. 0 bytes: there is no device.
 *   write  one message to the host, likewise. ECONNRESET: the host has reset
 *          the link, read that first.
 *   ioctl  CSME_POWER_ON, CSME_POWER_OFF: the device comes and goes, beside.
 *          CSME_READY: the firmware has started, after a reset.
 *          CSME_RESET: the firmware resets by itself.
 *   mmap   memory of the host that it has told of, see memory.c.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "engine.h"

static int open(struct inode *inode, struct file *file)
{
	struct csme_engine *engine = &csme_engine;

	if (test_and_set_bit(0, &engine->opened))
		return -EBUSY;
	mutex_lock(&engine->memory);
	engine->mapping = file->f_mapping;
	mutex_unlock(&engine->memory);
	/* The engine is another processor, which goes on while this one suspends. */
	current->flags |= PF_NOFREEZE;
	file->private_data = engine;
	return stream_open(inode, file);
}

static int release(struct inode *inode, struct file *file)
{
	struct csme_engine *engine = file->private_data;

	mutex_lock(&engine->memory);
	engine->mapping = NULL;
	mutex_unlock(&engine->memory);
	/* The firmware has died. */
	WRITE_ONCE(engine->firmware_ready, false);
	csme_raise(engine);
	clear_bit(0, &engine->opened);
	return 0;
}

static bool readable(struct csme_engine *engine)
{
	return !READ_ONCE(engine->alive) || !READ_ONCE(engine->reset_told) ||
	       !kfifo_is_empty(&engine->to_firmware);
}

/* Take what is next for the firmware; return its number of slots. */
static unsigned int take(struct csme_engine *engine, u32 *slots)
{
	const struct mei_msg_hdr *hdr = (const struct mei_msg_hdr *)slots;
	unsigned int count = 0;
	unsigned long flags;

	spin_lock_irqsave(&engine->lock, flags);
	if (!engine->reset_told) {
		engine->reset_told = true;
		slots[0] = 0;
		count = 1;
	} else if (kfifo_out(&engine->to_firmware, slots, 1)) {
		count = 1 + kfifo_out(&engine->to_firmware, slots + 1,
				      DIV_ROUND_UP(hdr->length, sizeof(u32)));
	}
	spin_unlock_irqrestore(&engine->lock, flags);
	return count;
}

static ssize_t read(struct file *file, char __user *to, size_t size,
		    loff_t *offset)
{
	struct csme_engine *engine = file->private_data;
	u32 slots[CSME_SLOTS] = {};
	const struct mei_msg_hdr *hdr = (const struct mei_msg_hdr *)slots;
	unsigned int count;
	size_t bytes;
	int err;

	if (size < CSME_MESSAGE_MAX)
		return -EINVAL;
	for (;;) {
		count = take(engine, slots);
		if (count)
			break;
		if (!READ_ONCE(engine->alive))
			return 0;
		if (file->f_flags & O_NONBLOCK)
			return -EAGAIN;
		err = wait_event_interruptible(engine->firmware_wait,
					       readable(engine));
		if (err)
			return err;
	}
	/* The host has room again. */
	csme_raise(engine);
	bytes = min_t(size_t, sizeof(u32) + hdr->length, count * sizeof(u32));
	return copy_to_user(to, slots, bytes) ? -EFAULT : bytes;
}

/* Put a message onto the wire; return 0, or why it can't be. */
static int put(struct csme_engine *engine, const u32 *slots, unsigned int count)
{
	unsigned long flags;
	int err = 0;

	spin_lock_irqsave(&engine->lock, flags);
	if (!engine->alive)
		err = -ENODEV;
	else if (!engine->reset_told)
		err = -ECONNRESET;
	else if (kfifo_avail(&engine->to_host) < count)
		err = -EAGAIN;
	else
		kfifo_in(&engine->to_host, slots, count);
	spin_unlock_irqrestore(&engine->lock, flags);
	return err;
}

static bool writable(struct csme_engine *engine, unsigned int count)
{
	return !READ_ONCE(engine->alive) || !READ_ONCE(engine->reset_told) ||
	       kfifo_avail(&engine->to_host) >= count;
}

static ssize_t write(struct file *file, const char __user *from, size_t size,
		     loff_t *offset)
{
	struct csme_engine *engine = file->private_data;
	u32 slots[CSME_SLOTS] = {};
	const struct mei_msg_hdr *hdr = (const struct mei_msg_hdr *)slots;
	unsigned int count = DIV_ROUND_UP(size, sizeof(u32));
	int err;

	if (size < sizeof(u32) || size > CSME_MESSAGE_MAX)
		return -EINVAL;
	if (copy_from_user(slots, from, size))
		return -EFAULT;
	if (!hdr->host_addr && !hdr->me_addr)
		csme_memory_answered(engine, slots + 1, size - sizeof(u32));
	for (;;) {
		err = put(engine, slots, count);
		if (!err)
			break;
		if (err != -EAGAIN || file->f_flags & O_NONBLOCK)
			return err;
		err = wait_event_interruptible(engine->firmware_wait,
					       writable(engine, count));
		if (err)
			return err;
	}
	csme_raise(engine);
	return size;
}

static __poll_t poll(struct file *file, poll_table *table)
{
	struct csme_engine *engine = file->private_data;
	__poll_t events = 0;

	poll_wait(file, &engine->firmware_wait, table);
	if (readable(engine))
		events |= EPOLLIN | EPOLLRDNORM;
	if (writable(engine, CSME_SLOTS))
		events |= EPOLLOUT | EPOLLWRNORM;
	return events;
}

static long ioctl(struct file *file, unsigned int command, unsigned long value)
{
	struct csme_engine *engine = file->private_data;
	unsigned long flags;

	switch (command) {
	case CSME_POWER_ON:
		spin_lock_irqsave(&engine->lock, flags);
		engine->alive = true;
		engine->reset_told = true;
		spin_unlock_irqrestore(&engine->lock, flags);
		return queue_work(system_long_wq, &engine->power_on) ? 0 : -EBUSY;
	case CSME_POWER_OFF:
		return queue_work(system_long_wq, &engine->power_off) ? 0 : -EBUSY;
	case CSME_READY:
		if (!READ_ONCE(engine->reset_told))
			return -ECONNRESET;
		WRITE_ONCE(engine->firmware_ready, true);
		csme_raise(engine);
		return 0;
	case CSME_RESET:
		WRITE_ONCE(engine->firmware_ready, false);
		csme_raise(engine);
		return 0;
	}
	return -ENOTTY;
}

static int map(struct file *file, struct vm_area_struct *vma)
{
	return csme_memory_mmap(file->private_data, vma);
}

static const struct file_operations operations = {
	.owner = THIS_MODULE,
	.open = open,
	.release = release,
	.read = read,
	.write = write,
	.poll = poll,
	.unlocked_ioctl = ioctl,
	.mmap = map,
};

static struct miscdevice firmware = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "csme_engine",
	.fops = &operations,
	.mode = 0600,
};

int csme_firmware_register(void)
{
	return misc_register(&firmware);
}

void csme_firmware_unregister(void)
{
	misc_deregister(&firmware);
}
