/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine as its own firmware and `lspci -xxxx` describe it: functions, the
 * stream ids they send, the groups that the fabric forms, the IOMMUs above. The
 * members named smmu are of either kind; a RISC-V IOMMU's stream ids are its device ids.
 */
#ifndef MACHINE_MACHINE_H
#define MACHINE_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MACHINE_MAX_STREAMS 8
#define MACHINE_MAX_VECTORS 4 /* of a RISC-V IOMMU */
#define MACHINE_NONE	    (-1)

enum machine_iommu { MACHINE_SMMUV3, MACHINE_RISCV };

/* Reset methods, in the order in which Linux tries them. */
enum {
	MACHINE_RESET_FLR = 1u << 0,
	MACHINE_RESET_AF_FLR = 1u << 1,
	MACHINE_RESET_PM = 1u << 2,
	MACHINE_RESET_BUS = 1u << 3,
};

/* PCI Express device/port types (PCIe base specification, 7.5.3.2). */
enum {
	MACHINE_PCIE_ENDPOINT = 0x0,
	MACHINE_PCIE_LEGACY_ENDPOINT = 0x1,
	MACHINE_PCIE_ROOT_PORT = 0x4,
	MACHINE_PCIE_UPSTREAM = 0x5,
	MACHINE_PCIE_DOWNSTREAM = 0x6,
	MACHINE_PCIE_TO_PCI = 0x7,
	MACHINE_PCI_TO_PCIE = 0x8,
	MACHINE_PCIE_RC_ENDPOINT = 0x9,
	MACHINE_PCIE_RC_EVENT = 0xa,
};

struct machine_function {
	char bdf[20]; /* dddd:bb:dd.f, as the commands print it */
	uint32_t segment;
	uint8_t bus, dev, fn;
	uint16_t rid; /* requester id: bus, device, function */
	uint16_t vendor, device;
	uint32_t class_code; /* 24 bits */
	uint8_t *config;
	unsigned config_len; /* 64, 256 or 4096 */
	unsigned line;	     /* of the header in the dump */

	bool is_vf;
	int pf;	      /* index of the physical function, or MACHINE_NONE */
	int upstream; /* index of the bridge above, or MACHINE_NONE on a root bus */
	bool is_bridge;
	uint8_t secondary, subordinate;
	bool multifunction;
	int pcie_type; /* MACHINE_PCIE_*, or MACHINE_NONE for conventional PCI */

	/* Offsets of capabilities, 0 when there is none. */
	uint16_t pcie, pm, af, ats, pasid, pri, acs, ari, sriov;
	bool flr;
	unsigned ats_depth;  /* 1..32 invalidations, 0 without ATS */
	unsigned pasid_bits; /* 0 without PASID */
	bool acs_isolates;   /* enabled in the dump as far as isolation needs it */
	unsigned reset;	     /* MACHINE_RESET_* bits that Linux would offer */

	int smmu; /* index, or MACHINE_NONE: not behind an IOMMU */
	uint32_t stream_ids[MACHINE_MAX_STREAMS];
	unsigned n_stream_ids; /* own id first, then the aliases of bridges */
	int group;	       /* index, or MACHINE_NONE */
	int noted_group;       /* the dump's group= note, or MACHINE_NONE */
	bool ats_platform;     /* firmware says that the path handles ATS */
};

struct machine_smmu {
	enum machine_iommu kind; /* one kind in a machine */
	uint64_t base;		 /* 0 when it is a PCI function itself */
	/* MACHINE_RISCV: which cause uses which vector is for software to choose. */
	uint32_t vectors[MACHINE_MAX_VECTORS];
	unsigned n_vectors; /* 0: it interrupts by messages */
	char function[20];  /* that it is itself, as in machine_function.bdf; "": none */
	/* MACHINE_SMMUV3. Interrupt ids as the interrupt controller numbers them; 0: none. */
	uint32_t cmdq_irq, gerror_irq, eventq_irq, priq_irq;
	uint32_t node;	/* phandle or table offset it was found by */
	bool anonymous; /* no firmware table given */
};

/* An id of a master that is no PCI function; one with several has several, in order. */
struct machine_master {
	char path[128]; /* of its node in the device tree */
	int smmu;
	uint32_t id;
};

struct machine_group {
	int id;
	int *functions; /* indices, ascending */
	unsigned n_functions;
};

struct machine {
	struct machine_function *functions;
	unsigned n_functions;
	struct machine_smmu *smmus;
	unsigned n_smmus;
	struct machine_group *groups; /* ascending by id */
	unsigned n_groups;
	struct machine_master *masters;
	unsigned n_masters;
	char **notes; /* one line each: what was odd and how it was read */
	unsigned n_notes;
};

/*
 * Loads a machine. `dtb` and `iort` may be NULL, and at most one may be given;
 * without `lspci` there are no functions, without either of the others there is one anonymous SMMU
 * whose stream ids are the requester ids. 0, or -1 with one line `FILE:POSITION: what was expected`
 * in `err` and *m empty.
 */
int machine_load(struct machine *m, const char *lspci, const char *dtb, const char *iort, char *err,
		 size_t errlen);
void machine_free(struct machine *m);

/* Of a machine that is made up. 0: none. */
struct machine_synthetic {
	unsigned share_every; /* each so many-th function is in the group of the one before it */
	unsigned pasid_every; /* each so many-th has the PASID capability */
	unsigned bridges;     /* besides: so many, each with a bus of its own */
};
#define MACHINE_BRIDGES_MAX  16u
#define MACHINE_BELOW_BRIDGE 4u /* functions at most; the first bridge has one, and so on */
/* That of a scenario's machine.generate. */
extern const struct machine_synthetic machine_synthetic_mixed;
#define MACHINE_SYNTHETIC_MAX  8160u /* the buses of one segment, from 1 on */
#define MACHINE_BESIDE_BRIDGES (MACHINE_SYNTHETIC_MAX - 32 * MACHINE_BRIDGES_MAX)
/*
 * `n` functions (1 .. MACHINE_SYNTHETIC_MAX) of their own devices with FLR and ATS, each in a group
 * of its own, behind one SMMU; stream ids are requester ids. Bridges take the last buses: with
 * them n is at most MACHINE_BESIDE_BRIDGES. False: out of memory, *m is empty.
 */
bool machine_synthesize(struct machine *m, unsigned n, const struct machine_synthetic *how);
/* The name of its function number i. */
void machine_synthetic_name(unsigned i, char name[20]);

/* Index of a function by name (segment 0 may be left out), or MACHINE_NONE. */
int machine_find(const struct machine *m, const char *bdf);
/* Of all of its IOMMUs; MACHINE_SMMUV3 without one. */
enum machine_iommu machine_iommu_kind(const struct machine *m);
/* ATS may be used: the function can and the platform says it may. */
bool machine_ats_usable(const struct machine_function *f);
/* Comma separated names of reset methods ("flr,pm,bus"); returns buf. */
const char *machine_reset_names(unsigned methods, char *buf, size_t len);

#endif
