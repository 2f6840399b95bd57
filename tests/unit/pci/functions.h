/* SPDX-License-Identifier: BSD-2-Clause */
/* Config spaces of real functions. */
#ifndef TEST_PCI_FUNCTIONS_H
#define TEST_PCI_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

/* Fills `config` and returns its length; 0 when `name` is not there. */
size_t function_config(const char *name, uint8_t config[4096]);

/* Where things are in those config spaces. */
#define AT_COMMAND 0x04u
#define AT_BAR1	   0x14u

#define BLK	     "03:00.0"
#define BLK_DEVCTL   (0x40u + 8)
#define BLK_DEVSTA   (0x40u + 0xa)
#define BLK_PMCSR    (0x7cu + 4)
#define BLK_MSIX_CTL (0xdcu + 2)
#define BLK_ATS_CTL  0x106u
/* The same with a PASID capability of four bits, Execute and Privileged possible,
 * and an Invalidate Queue Depth of 4. */
#define BLK_PASID     "03:00.0 with PASID"
#define BLK_PASID_CTL 0x116u
#define NVME	      "0c:00.0"
#define NVME_DEVCTL   (0x80u + 8)
#define PF	      "0b:00.0"
#define PF_SRIOV_CTL  (0x120u + 8)
#define PF_NUM_VFS    (0x120u + 0x10)
#define VF	      "0b:00.1"
#define VF_DEVCTL     (0x80u + 8)
#define VF_MSIX_CTL   (0x40u + 2)
#define PORT	      "00:01.0"
#define PORT_ACS_CTL  (0x148u + 6)
#define PORT_AER_STA  0x104u
#define NO_FLR	      "09:00.0"
#define NO_FLR_DEVCTL (0xe0u + 8)
#define NO_FLR_AER    0x100u
#define CONVENTIONAL  "0e:01.0"

#endif
