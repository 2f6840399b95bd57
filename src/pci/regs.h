/* SPDX-License-Identifier: BSD-2-Clause */
/* Config space: offsets and bits. Names follow the PCI specifications. */
#ifndef LZ_PCI_REGS_H
#define LZ_PCI_REGS_H

#define PCI_CONFIG_ONES 0xffffffffu

/* Header (PCI 3.0, 6.1; bridges: PCI-to-PCI bridge 3.2) */
#define PCI_VENDOR_ID		0x00u
#define PCI_VENDOR_RETRY	0x0001u /* RRS software visibility: retry later */
#define PCI_COMMAND		0x04u
#define PCI_COMMAND_MEMORY	0x0002u
#define PCI_COMMAND_MASTER	0x0004u
#define PCI_COMMAND_PARITY	0x0040u
#define PCI_COMMAND_INTX_OFF	0x0400u
#define PCI_STATUS		0x06u
#define PCI_STATUS_READY	0x0001u /* Immediate Readiness */
#define PCI_STATUS_CAP_LIST	0x0010u
#define PCI_CLASS		0x08u /* revision in the low byte */
#define PCI_CLASS_NVME		0x010802u
#define PCI_CACHE_LINE_SIZE	0x0cu
#define PCI_LATENCY_TIMER	0x0du
#define PCI_HEADER_TYPE		0x0eu
#define PCI_HEADER_TYPE_MASK	0x7fu
#define PCI_HEADER_TYPE_BRIDGE	1u
#define PCI_HEADER_TYPE_CARDBUS 2u
#define PCI_BAR0		0x10u
#define PCI_ROM_ADDRESS		0x30u
#define PCI_CAP_POINTER		0x34u
#define PCI_INTERRUPT_LINE	0x3cu
#define PCI_BRIDGE_BUSES	0x18u
#define PCI_BRIDGE_IO		0x1cu
#define PCI_BRIDGE_MEMORY	0x20u
#define PCI_BRIDGE_CONTROL	0x3eu
#define PCI_BRIDGE_CONTROL_SBR	0x0040u

/* Capability ids */
#define PCI_CAP_PM   0x01u
#define PCI_CAP_MSI  0x05u
#define PCI_CAP_EXP  0x10u
#define PCI_CAP_MSIX 0x11u
#define PCI_CAP_AF   0x13u

/* Power management (PCI PM 1.2, 3.2) */
#define PCI_PM_CSR	    4u
#define PCI_PM_CSR_VOLATILE 0x8003u /* PME status (RW1C), power state */
#define PCI_PM_CSR_STATE    0x0003u
#define PCI_PM_CSR_PME	    0x8000u
#define PCI_PM_CSR_NO_RESET 0x0008u /* No_Soft_Reset */

/* Advanced Features (PCI ECN Advanced Capabilities) */
#define PCI_AF_CAP	   3u
#define PCI_AF_CAP_TP	   0x01u
#define PCI_AF_CAP_FLR	   0x02u
#define PCI_AF_CTL	   4u
#define PCI_AF_CTL_FLR	   0x01u
#define PCI_AF_STA	   5u
#define PCI_AF_STA_PENDING 0x01u

/* MSI and MSI-X (PCI 3.0, 6.8) */
#define PCI_MSI_FLAGS	       2u
#define PCI_MSI_FLAGS_64BIT    0x0080u
#define PCI_MSI_FLAGS_MASK     0x0100u
#define PCI_MSI_ADDRESS	       4u
#define PCI_MSIX_FLAGS	       2u
#define PCI_MSIX_FLAGS_MASKALL 0x4000u
#define PCI_MSIX_FLAGS_ENABLE  0x8000u

/* PCI Express (PCIe 7.5.3) */
#define PCI_EXP_FLAGS	       2u
#define PCI_EXP_FLAGS_VERSION  0x000fu
#define PCI_EXP_DEVCAP	       4u
#define PCI_EXP_DEVCAP_FLR     (1u << 28)
#define PCI_EXP_DEVCTL	       8u
#define PCI_EXP_DEVCTL_FLR     0x8000u
#define PCI_EXP_DEVSTA	       0xau
#define PCI_EXP_DEVSTA_PENDING 0x0020u
#define PCI_EXP_LNKCAP	       0xcu
#define PCI_EXP_LNKCAP_SPEED   0x000fu
#define PCI_EXP_LNKCAP_5GT     2u
#define PCI_EXP_LNKCAP_ACTIVE  (1u << 20) /* can report an active link */
#define PCI_EXP_LNKCTL	       0x10u
#define PCI_EXP_LNKCTL_RETRAIN 0x0020u
#define PCI_EXP_LNKSTA	       0x12u
#define PCI_EXP_LNKSTA_ACTIVE  0x2000u
#define PCI_EXP_DEVCTL2	       0x28u

/* Extended capabilities (PCIe 7.6.3) */
#define PCI_EXT_BASE	  0x100u
#define PCI_CONFIG_SIZE	  0x1000u
#define PCI_EXT_CAP_ACS	  0x000du
#define PCI_EXT_CAP_ATS	  0x000fu
#define PCI_EXT_CAP_SRIOV 0x0010u
#define PCI_EXT_CAP_PASID 0x001bu
#define PCI_EXT_CAP_DPC	  0x001du
#define PCI_EXT_CAP_DVSEC 0x0023u

/* ATS (PCIe 10.5.1) */
#define PCI_ATS_CTL	   6u
#define PCI_ATS_CTL_STU	   0x001fu
#define PCI_ATS_CTL_ENABLE 0x8000u

/* PASID (PCIe 7.8.9) */
#define PCI_PASID_CAP	     4u
#define PCI_PASID_CTL	     6u
#define PCI_PASID_CTL_ENABLE 0x0001u
#define PCI_PASID_CTL_BITS   0x0007u /* Execute, Privileged */

/* SR-IOV (SR-IOV 1.1, 3.3) */
#define PCI_SRIOV_CTL	    0x08u
#define PCI_SRIOV_CTL_VFE   0x0001u
#define PCI_SRIOV_NUM_VFS   0x10u
#define PCI_SRIOV_PAGE_SIZE 0x20u
#define PCI_SRIOV_BAR0	    0x24u

/* DPC (PCIe 7.9.14) */
#define PCI_DPC_CAP	      4u
#define PCI_DPC_CAP_ROOT      0x0020u /* root port extensions */
#define PCI_DPC_STA	      8u
#define PCI_DPC_STA_TRIGGERED 0x0001u
#define PCI_DPC_STA_BUSY      0x0010u

/* DVSEC (PCIe 7.9.6); CXL's port extensions (CXL 2.0, 8.1.5) */
#define PCI_DVSEC_VENDOR     4u
#define PCI_DVSEC_ID	     8u
#define PCI_VENDOR_CXL	     0x1e98u
#define PCI_CXL_DEVICE	     0u
#define PCI_CXL_DEVICE_CAP   0xau
#define PCI_CXL_DEVICE_CACHE 0x0001u /* can use CXL.cache (CXL 2.0, 8.1.3.1) */
#define PCI_CXL_PORT	     3u
#define PCI_CXL_PORT_CTL     0xcu
#define PCI_CXL_PORT_CTL_SBR 0x0001u /* Unmask SBR */

/* ACS (PCIe 7.7.11) */
#define PCI_ACS_CAP 4u
#define PCI_ACS_CTL 6u
#define PCI_ACS_TB  0x0002u /* translation blocking */
#define PCI_ACS_DT  0x0040u /* direct translated peer-to-peer */

#endif
