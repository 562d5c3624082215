// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the host that a client of the engine may use (client DMA). The
 * host's MEI driver allocates it, tells its address over the bus (HBM), and
 * frees it when the firmware has let go of it. The firmware maps it from its
 * device file. Its mapping goes when the host frees the memory: a firmware
 * that still touches it gets SIGBUS, where real firmware makes an IOMMU fault.
 *
 * Copyright 2026 The vpro.fleet developers
 */

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/version.h>

#include "engine.h"
#include "client.h"

#define PAGES_SHIFT (CSME_BUFFER_SHIFT - PAGE_SHIFT)

/* The memory's mutex is held. */
static void forget(struct csme_engine *engine, u8 id)
{
	engine->buffers[id].size = 0;
	if (engine->mapping)
		unmap_mapping_range(engine->mapping,
				    (loff_t)id << CSME_BUFFER_SHIFT,
				    1 << CSME_BUFFER_SHIFT, 1);
}

void csme_memory_forget_all(struct csme_engine *engine)
{
	int id;

	mutex_lock(&engine->memory);
	for (id = 0; id < CSME_BUFFERS; id++)
		if (engine->buffers[id].size)
			forget(engine, id);
	mutex_unlock(&engine->memory);
}

/* Find the pages of what the host allocated for a client; device_lock is held. */
static int find(struct mei_device *dev, u8 id, struct csme_buffer *buffer)
{
	struct sg_table pages;
	struct mei_cl *cl;
	int err;

	list_for_each_entry(cl, &dev->file_list, link) {
		if (!cl->dma.vaddr || cl->dma.buffer_id != id)
			continue;
		if (cl->dma.size > 1 << CSME_BUFFER_SHIFT)
			return -E2BIG;
		err = dma_get_sgtable(dev->dev, &pages, cl->dma.vaddr,
				      cl->dma.daddr, cl->dma.size);
		if (err)
			return err;
		/* Without an IOMMU it is one piece. */
		err = pages.orig_nents == 1 ? 0 : -EOPNOTSUPP;
		buffer->pfn = page_to_pfn(sg_page(pages.sgl));
		buffer->size = err ? 0 : cl->dma.size;
		sg_free_table(&pages);
		return err;
	}
	return -ENOENT;
}

/* The host sends a bus message (HBM); device_lock is held. */
void csme_memory_asked(struct csme_engine *engine, struct mei_device *dev,
		       const void *message, size_t size)
{
	const struct hbm_client_dma_unmap_request *unmap = message;
	const struct hbm_client_dma_map_request *map = message;
	struct csme_buffer buffer = {};
	int err;

	if (size >= sizeof(*map) &&
	    map->hbm_cmd == MEI_HBM_CLIENT_DMA_MAP_REQ_CMD) {
		err = find(dev, map->client_buffer_id, &buffer);
		if (err)
			dev_err(dev->dev, "no memory %u: %d\n",
				map->client_buffer_id, err);
		mutex_lock(&engine->memory);
		forget(engine, map->client_buffer_id);
		engine->buffers[map->client_buffer_id] = buffer;
		engine->asked = map->client_buffer_id;
		mutex_unlock(&engine->memory);
	} else if (size >= sizeof(*unmap) &&
		   unmap->hbm_cmd == MEI_HBM_CLIENT_DMA_UNMAP_REQ_CMD) {
		mutex_lock(&engine->memory);
		engine->asked = unmap->client_buffer_id;
		mutex_unlock(&engine->memory);
	}
}

/* The firmware sends a bus message: the host frees memory on some answers. */
void csme_memory_answered(struct csme_engine *engine, const void *message,
			  size_t size)
{
	const struct hbm_client_dma_response *response = message;
	bool freed;

	if (size < sizeof(*response))
		return;
	freed = response->hbm_cmd == MEI_HBM_CLIENT_DMA_MAP_RES_CMD ?
			response->status :
			response->hbm_cmd == MEI_HBM_CLIENT_DMA_UNMAP_RES_CMD &&
				!response->status;
	if (!freed)
		return;
	mutex_lock(&engine->memory);
	forget(engine, engine->asked);
	mutex_unlock(&engine->memory);
}

static vm_fault_t fault(struct vm_fault *vmf)
{
	struct csme_engine *engine = vmf->vma->vm_private_data;
	unsigned long page = vmf->pgoff & ((1 << PAGES_SHIFT) - 1);
	unsigned long id = vmf->pgoff >> PAGES_SHIFT;
	vm_fault_t result = VM_FAULT_SIGBUS;

	if (id >= CSME_BUFFERS)
		return result;
	mutex_lock(&engine->memory);
	if (page < PAGE_ALIGN(engine->buffers[id].size) >> PAGE_SHIFT)
		result = vmf_insert_pfn(vmf->vma, vmf->address,
					engine->buffers[id].pfn + page);
	mutex_unlock(&engine->memory);
	return result;
}

static const struct vm_operations_struct vm_ops = {
	.fault = fault,
};

int csme_memory_mmap(struct csme_engine *engine, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	/* include/linux/mm.h: since 6.3 the flags are no longer written to. */
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
#else
	vma->vm_flags |= VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP;
#endif
	vma->vm_private_data = engine;
	vma->vm_ops = &vm_ops;
	return 0;
}
