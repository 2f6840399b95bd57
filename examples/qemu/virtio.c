/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtio 1.1: PCI transport, split virtqueue, block device. */
#include "virtio.h"

#include "check.h"
#include "freestanding.h"
#include "sys.h"

#define CAP_VENDOR 0x09u
#define CFG_COMMON 1u
#define CFG_NOTIFY 2u

/* Common configuration. */
#define FEATURE_SELECT	0x00u
#define FEATURES	0x04u
#define DRIVER_SELECT	0x08u
#define DRIVER_FEATURES 0x0cu
#define STATUS		0x14u
#define QUEUE_SELECT	0x16u
#define QUEUE_SIZE	0x18u
#define QUEUE_ENABLE	0x1cu
#define QUEUE_NOTIFY	0x1eu
#define QUEUE_DESC	0x20u
#define QUEUE_AVAIL	0x28u
#define QUEUE_USED	0x30u
#define STATUS_ACK	1u
#define STATUS_DRIVER	2u
#define STATUS_OK	4u
#define STATUS_FEATURES 8u
#define STATUS_BROKEN	0x40u	  /* DEVICE_NEEDS_RESET */
#define HIGH_VERSION_1	(1u << 0) /* bit 32 */
#define HIGH_PLATFORM	(1u << 1) /* bit 33: ACCESS_PLATFORM */

#define ENTRIES	   8u
#define DESC_NEXT  1u
#define DESC_WRITE 2u
/* In the ring's page. */
#define AVAIL_AT 0x100u
#define USED_AT	 0x200u

struct desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct header {
	uint32_t type, reserved;
	uint64_t sector;
	uint8_t status; /* behind what the device reads */
};

static uint8_t get8(uintptr_t at)
{
	return *(const volatile uint8_t *)at;
}

static uint16_t get16(uintptr_t at)
{
	return *(const volatile uint16_t *)at;
}

static void put8(uintptr_t at, uint8_t v)
{
	*(volatile uint8_t *)at = v;
}

static void put16(uintptr_t at, uint16_t v)
{
	*(volatile uint16_t *)at = v;
}

static void put_address(uintptr_t at, uint64_t v)
{
	bm_put32(at, (uint32_t)v);
	bm_put32(at + 4, (uint32_t)(v >> 32));
}

static bool find_registers(struct virtio *v)
{
	struct pci_function *f = v->c->fn;

	for (unsigned at = 0; (at = pci_cap(f, CAP_VENDOR, at)) != 0;) {
		unsigned type = pci_read(f, at + 3, 1), bar = pci_read(f, at + 4, 1);
		uint32_t off = pci_read(f, at + 8, 4);

		if (bar > 5)
			continue;
		if (type == CFG_COMMON)
			v->common = pci_bar(f, bar) + off;
		if (type == CFG_NOTIFY) {
			v->notify = pci_bar(f, bar) + off;
			v->notify_step = pci_read(f, at + 16, 4);
		}
	}
	return v->common && v->notify;
}

static bool is_reset(void *arg)
{
	return get8(((const struct virtio *)arg)->common + STATUS) == 0;
}

static bool negotiate(struct virtio *v)
{
	uintptr_t c = v->common;
	uint32_t high;

	bm_put32(c + FEATURE_SELECT, 1);
	high = bm_get32(c + FEATURES) & (HIGH_VERSION_1 | HIGH_PLATFORM);
	v->platform = high & HIGH_PLATFORM;
	bm_put32(c + DRIVER_SELECT, 0);
	bm_put32(c + DRIVER_FEATURES, 0);
	bm_put32(c + DRIVER_SELECT, 1);
	bm_put32(c + DRIVER_FEATURES, high);
	put8(c + STATUS, STATUS_ACK | STATUS_DRIVER | STATUS_FEATURES);
	return get8(c + STATUS) & STATUS_FEATURES;
}

bool virtio_enable(struct virtio *v)
{
	uintptr_t c = v->common;

	put8(c + STATUS, 0);
	if (!wait_for(is_reset, v, LZ_SEC(5)))
		return false;
	put8(c + STATUS, STATUS_ACK);
	put8(c + STATUS, STATUS_ACK | STATUS_DRIVER);
	if (!negotiate(v))
		return false;
	memset(v->ring.va, 0, LZ_PAGE);
	v->next = 0;
	put16(c + QUEUE_SELECT, 0);
	put16(c + QUEUE_SIZE, ENTRIES);
	put_address(c + QUEUE_DESC, v->ring.iova);
	put_address(c + QUEUE_AVAIL, v->ring.iova + AVAIL_AT);
	put_address(c + QUEUE_USED, v->ring.iova + USED_AT);
	put16(c + QUEUE_ENABLE, 1);
	put8(c + STATUS, STATUS_ACK | STATUS_DRIVER | STATUS_FEATURES | STATUS_OK);
	return true;
}

bool virtio_up(struct virtio *v, struct client *c, lz_iova iova)
{
	*v = (struct virtio){.c = c};
	return find_registers(v) && shared_alloc(&v->ring, LZ_PAGE, iova) &&
	       shared_alloc(&v->request, LZ_PAGE, iova + LZ_PAGE) &&
	       shared_map(c, &v->ring, LZ_READ | LZ_WRITE) == LZ_OK &&
	       shared_map(c, &v->request, LZ_READ | LZ_WRITE) == LZ_OK && virtio_enable(v);
}

bool virtio_down(struct virtio *v)
{
	bool ok;

	put8(v->common + STATUS, 0);
	ok = wait_for(is_reset, v, LZ_SEC(5));
	ok &= shared_unmap(v->c, &v->ring) == LZ_OK;
	ok &= shared_unmap(v->c, &v->request) == LZ_OK;
	shared_free(&v->ring);
	shared_free(&v->request);
	return ok;
}

static bool used(const struct virtio *v)
{
	return get16((uintptr_t)v->ring.va + USED_AT + 2) == v->next;
}

static bool used_or_broken(void *arg)
{
	const struct virtio *v = arg;

	return used(v) || get8(v->common + STATUS) & STATUS_BROKEN;
}

static int request(struct virtio *v, bool write, uint64_t sector, lz_iova iova)
{
	struct header *h = v->request.va;
	struct desc *d = v->ring.va;
	uintptr_t avail = (uintptr_t)v->ring.va + AVAIL_AT;
	unsigned queue;

	*h = (struct header){.type = write, .sector = sector, .status = 0xff};
	d[0] = (struct desc){v->request.iova, 16, DESC_NEXT, 1};
	d[1] = (struct desc){iova, VIRTIO_SECTOR, (uint16_t)(DESC_NEXT | (write ? 0 : DESC_WRITE)),
			     2};
	d[2] = (struct desc){v->request.iova + offsetof(struct header, status), 1, DESC_WRITE, 0};
	put16(avail + 4 + 2 * (v->next % ENTRIES), 0);
	lz_dma_wmb();
	put16(avail + 2, ++v->next);
	lz_dma_wmb();
	put16(v->common + QUEUE_SELECT, 0);
	queue = get16(v->common + QUEUE_NOTIFY);
	put16(v->notify + queue * v->notify_step, 0);
	(void)wait_for(used_or_broken, v, LZ_SEC(5));
	if (!used(v))
		return VIRTIO_SILENT;
	lz_dma_rmb();
	return *(volatile uint8_t *)&h->status;
}

int virtio_read(struct virtio *v, uint64_t sector, lz_iova iova)
{
	return request(v, false, sector, iova);
}

int virtio_write(struct virtio *v, uint64_t sector, lz_iova iova)
{
	return request(v, true, sector, iova);
}
