/* SPDX-License-Identifier: BSD-2-Clause */
/* A modern virtio block device, one request at a time, by polling. */
#ifndef QEMU_VIRTIO_H
#define QEMU_VIRTIO_H

#include "smmu.h"

#define VIRTIO_SECTOR 512u
#define VIRTIO_SILENT (-1)

struct virtio {
	struct client *c;
	uintptr_t common, notify;
	unsigned notify_step;
	struct shared ring, request;
	uint16_t next;
	bool platform; /* it uses addresses of the platform's IOMMU */
};

bool virtio_up(struct virtio *v, struct client *c, lz_iova iova);
/* From reset to ready, with the memory that it has. */
bool virtio_enable(struct virtio *v);
bool virtio_down(struct virtio *v);
/* One sector at `iova`; the request's status (0: fine), or VIRTIO_SILENT. */
int virtio_read(struct virtio *v, uint64_t sector, lz_iova iova);
int virtio_write(struct virtio *v, uint64_t sector, lz_iova iova);

#endif
