/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A management engine in software: what its parts know of each other.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#ifndef CSME_ENGINE_H
#define CSME_ENGINE_H

#include <linux/kfifo.h>
#include <linux/mutex.h>
#include <linux/platform_device.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mei_dev.h"

/*
 * The size of both circular buffers, in slots of four bytes, and of a message:
 * what the host's driver has room for (MEI_RD_MSG_BUF_SIZE). With 256,
 * mei_cl_write() would see none (MEI_MSG_MAX_LEN_MASK).
 */
#define CSME_SLOTS 128
#define CSME_MESSAGE_MAX (CSME_SLOTS * sizeof(u32))
/* A client's memory is found in the firmware's device file at this multiple of its number. */
#define CSME_BUFFER_SHIFT 24
/* Client DMA buffers are numbered with a byte (hbm_client_dma_map_request). */
#define CSME_BUFFERS 256

/* What the firmware side may ask for. Also in vpro_lab/engine/device.py. */
#define CSME_POWER_ON _IO(0xCE, 1)
#define CSME_POWER_OFF _IO(0xCE, 2)
#define CSME_READY _IO(0xCE, 3)
#define CSME_RESET _IO(0xCE, 4)

/* Memory of the host that a client of the engine may use. */
struct csme_buffer {
	unsigned long pfn;
	size_t size;
};

struct csme_engine {
	/* Guards the device's coming and going: pdev. */
	struct mutex power;
	struct platform_device *pdev;
	struct mei_device *mei;
	struct work_struct power_on;
	struct work_struct power_off;

	/* Guards what follows, up to the work. */
	spinlock_t lock;
	DECLARE_KFIFO(to_firmware, u32, CSME_SLOTS);
	DECLARE_KFIFO(to_host, u32, CSME_SLOTS);
	bool host_ready;
	bool firmware_ready;
	/* False: the host has reset the link, and the firmware has not read that. */
	bool reset_told;
	/* Some device exists, or is about to. */
	bool alive;
	wait_queue_head_t firmware_wait;

	/* The engine's interrupt to the host. */
	struct work_struct interrupt;

	/* Guards the memory of clients; never taken with the others held. */
	struct mutex memory;
	struct csme_buffer buffers[CSME_BUFFERS];
	/* What the host asked for last: the MEI driver has one such request under way. */
	u8 asked;
	struct address_space *mapping;

	/* Bit 0: somebody plays the firmware. */
	unsigned long opened;
};

extern struct csme_engine csme_engine;

/* link.c: the wire between the host's MEI driver and the firmware. */
extern const struct mei_hw_ops csme_hw_ops;
void csme_interrupt(struct work_struct *work);
void csme_raise(struct csme_engine *engine);

/* firmware.c: the firmware's side, a character device. */
int csme_firmware_register(void);
void csme_firmware_unregister(void);

/* memory.c: memory of the host that the engine's clients use. */
struct vm_area_struct;
void csme_memory_asked(struct csme_engine *engine, struct mei_device *dev,
		       const void *message, size_t size);
void csme_memory_answered(struct csme_engine *engine, const void *message,
			  size_t size);
void csme_memory_forget_all(struct csme_engine *engine);
int csme_memory_mmap(struct csme_engine *engine, struct vm_area_struct *vma);

#endif
