/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Every reset method x result x nesting x state, on the real core and the real
 * methods, against functions of the model that misbehave. What each cell has to
 * come to is worked out from the rules alone, by expected() below:
 *
 *   the worst result of a nest counts, whoever ends it    H04, H06, H07
 *   a failure adds to what blocks a device, and only a good reset takes what
 *   faults have added away                                H08, H09
 *   "not attempted" changes nothing
 *   who is gone stays gone                                H10
 */
#include "tests/unit/core/bench.h"

#include <stdlib.h>
#include <string.h>

#include "lazaret-model/endpoint.h"
#include "lazaret/pci.h"
#include "tests/unit/pci/functions.h"

/* ---- the four dimensions ---- */

static const struct method {
	const char *name, *list, *like;
	uint16_t vendor, device;
	bool is_vf, is_af, has_firmware, has_slot, on_bus, is_cxl;
	enum lzm_ep_fault fails, hangs; /* LZM_EP_SOUND: it cannot */
} methods[] = {
	{"82599 VF", "device_specific", VF, 0x8086, 0x10ed, .is_vf = true,
	 .fails = LZM_EP_FLR_FAILS, .hangs = LZM_EP_FLR_TIMEOUT},
	{"Ivy Bridge graphics", "device_specific", CONVENTIONAL, 0x8086, 0x0156,
	 .hangs = LZM_EP_MUTE_VENDOR},
	{"Chelsio T4 VF", "device_specific", VF, 0x1425, 0x4801, .is_vf = true,
	 .fails = LZM_EP_FLR_FAILS, .hangs = LZM_EP_FLR_TIMEOUT},
	{"Samsung NVMe", "device_specific", NVME, 0x144d, 0xa804, .fails = LZM_EP_FLR_FAILS,
	 .hangs = LZM_EP_FLR_TIMEOUT},
	{"Intel NVMe", "device_specific", NVME, 0x8086, 0x0a54, .fails = LZM_EP_FLR_FAILS,
	 .hangs = LZM_EP_FLR_TIMEOUT},
	{"hinic VF", "device_specific", VF, 0x19e5, 0x375e, .is_vf = true,
	 .fails = LZM_EP_FLR_FAILS, .hangs = LZM_EP_MUTE_VENDOR},
	{"acpi", "acpi", BLK, .has_firmware = true, .fails = LZM_EP_BUS_FAILS,
	 .hangs = LZM_EP_BUS_TIMEOUT},
	{"flr", "flr", BLK, .fails = LZM_EP_FLR_FAILS, .hangs = LZM_EP_FLR_TIMEOUT},
	{"af_flr", "af_flr", BLK, .is_af = true, .fails = LZM_EP_FLR_FAILS,
	 .hangs = LZM_EP_FLR_TIMEOUT},
	{"pm", "pm", BLK, .fails = LZM_EP_PM_FAILS, .hangs = LZM_EP_CONFIG_ONES},
	{"slot", "slot", BLK, .has_slot = true, .on_bus = true, .fails = LZM_EP_BUS_FAILS,
	 .hangs = LZM_EP_BUS_TIMEOUT},
	{"bus", "bus", BLK, .on_bus = true, .fails = LZM_EP_BUS_FAILS, .hangs = LZM_EP_BUS_TIMEOUT},
	{"cxl_bus", "cxl_bus", BLK, .on_bus = true, .is_cxl = true, .fails = LZM_EP_BUS_FAILS,
	 .hangs = LZM_EP_BUS_TIMEOUT},
};
#define METHODS (sizeof(methods) / sizeof(methods[0]))

enum outcome { GOOD, FAILED, NOT_ATTEMPTED, TIMEOUT, OUTCOMES };

enum nesting { OUTERMOST, IN_OK, IN_NOT_ATTEMPTED, IN_FAILED, INNER_FAILS, NESTINGS };

enum state {
	HEALTHY,
	SUSPECT,
	BROKEN,
	RESETTING, /* somebody else's, who ends it afterwards and says OK */
	RESET_FAILED,
	PERMANENT,
	OPERATOR,
	REMOVED,
	STATES
};

/* ---- one cell ---- */

static const struct method *m;
static enum outcome outcome;
static enum nesting nesting;
static enum state in;

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom;
static struct lzm_ep *port, *ep;
static struct lz_pci_access access_of_port, access_of;
static uint8_t config[4096];
static size_t config_len;
static unsigned depth_before; /* of resets, when the method is called */
static bool acted;	      /* the method has prepared the device */
static bool sleeping_done;
static unsigned resets; /* of the function */

static bool is_inside(void)
{
	return dev && dev->reset_depth > depth_before && !dev->group->gate;
}

/* ---- the function and its port ---- */

static uint64_t link_now(void *ctx)
{
	(void)ctx;
	return sim_now();
}

static void link_reset(void *ctx, struct lzm_ep *which)
{
	(void)ctx;
	if (which != ep || !dev || !dev->drv)
		return;
	resets++;
	fake_of(dev)->mute = false;
}

/* What happens between prepare and the reset itself. */
static void inside(void)
{
	acted = true;
	if (nesting == INNER_FAILS) {
		depth_before = UINT32_MAX - 1; /* once */
		assert_int_equal(lz_reset_prepare(dev), LZ_OK);
		assert_int_equal(lz_reset_done(dev, LZ_RESET_FAILED), LZ_OK);
	}
	if (outcome == NOT_ATTEMPTED && !m->has_firmware && !m->on_bus && m->device != 0x375e)
		lzm_ep_fault(ep, LZM_EP_CONFIG_ONES, 0, 0);
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	if (ctx == ep && is_inside() && !acted)
		inside();
	return lzm_ep_cfg_read(ctx, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	/* It answers again, once nothing was attempted. */
	if (ctx == ep && outcome == NOT_ATTEMPTED && !off && m->device != 0x375e)
		lzm_ep_fault(ep, LZM_EP_SOUND, 0, 0);
	lzm_ep_cfg_write(ctx, off, width, v);
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	bench_sleep(ns);
	while (lzm_ep_step(port) || lzm_ep_step(ep))
		;
	/* D3hot, and it does not come back. */
	if (outcome == TIMEOUT && m->hangs == LZM_EP_CONFIG_ONES && !sleeping_done)
		lzm_ep_fault(ep, LZM_EP_CONFIG_ONES, 0, 0);
	sleeping_done = true;
}

static uint32_t bar_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_bar_read(ctx, off, width);
}

static void bar_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	lzm_ep_bar_write(ctx, off, width, v);
}

static enum lz_status firmware(void *ctx, bool probe)
{
	if (probe)
		return LZ_OK;
	if (outcome == NOT_ATTEMPTED)
		return LZ_ENOTSUP;
	lzm_ep_bus_reset(ctx);
	return outcome == FAILED ? LZ_EIO : LZ_OK;
}

static void put(unsigned off, unsigned width, uint32_t v)
{
	for (unsigned i = 0; i < width; i++)
		config[off + i] = (uint8_t)(v >> 8 * i);
}

static struct lzm_ep *create(const char *name, struct lzm_ep *upstream, bool add_ats)
{
	static const struct lzm_ep_link link = {.now = link_now, .reset = link_reset};
	const struct lzm_ep_config cfg = {
		.name = name,
		.config = config,
		.config_len = config_len,
		.vendor = m->vendor,
		.device = m->device,
		.add_ats = add_ats,
		.atc_entries = 4,
		.answer_ns = 1000,
		.flr_ns = 150000000,
		.seed = 7,
		.upstream = upstream,
	};
	struct lzm_ep *made = lzm_ep_create(&cfg, &link);

	assert_non_null(made);
	return made;
}

static void make_port(void)
{
	config_len = function_config(PORT, config);
	if (m->is_cxl) {
		unsigned last = 0x100, next;

		while ((next = (config[last + 3] << 4 | config[last + 2] >> 4) & 0xffcu) != 0)
			last = next;
		put(0x200, 4, 0x10023);
		put(last + 2, 2, (config[last + 2] & 0xfu) | 0x200 << 4);
		put(0x204, 4, 0x00101e98);
		put(0x208, 2, 3);
	}
	port = create("port", NULL, false);
	access_of_port = (struct lz_pci_access){
		.ctx = port, .read = pci_read, .write = pci_write, .sleep = pci_sleep};
}

static void make_function(void)
{
	config_len = function_config(m->like, config);
	if (!m->vendor) {
		if (strcmp(m->list, "flr") != 0)
			config[0x44 + 3] &= 0xef;
		if (strcmp(m->list, "pm") != 0)
			put(BLK_PMCSR, 2, 0x0008); /* No_Soft_Reset */
	} else if (!m->is_vf) {
		put(0, 2, m->vendor);
		put(2, 2, m->device);
	} else if (m->device == 0x10ed) {
		put(0x84 + 3, 1, 0);
	}
	if (m->is_af) {
		put(0xf4, 4, 0x03060013u | (uint32_t)config[0x34] << 8);
		put(0x34, 1, 0xf4);
		put(6, 2, 0x0010);
	}
	ep = create(m->name, port, strcmp(m->like, CONVENTIONAL) != 0);
	access_of = (struct lz_pci_access){
		.ctx = ep,
		.read = pci_read,
		.write = pci_write,
		.sleep = pci_sleep,
		.upstream = &access_of_port,
		.vendor = m->vendor,
		.device = m->device,
		.alone = m->on_bus,
		.bar_read = bar_read,
		.bar_write = bar_write,
		.firmware_reset = m->has_firmware ? firmware : NULL,
		.slot_reset = m->has_slot ? firmware : NULL,
	};
}

static void on_resume(void *ctx, struct lz_device *d)
{
	(void)ctx, (void)d;
	bench.n_resumed++;
}

static void make_device(struct bench *b)
{
	static const struct lz_owner_ops owner = {.resume = on_resume};
	static const uint32_t ids[1] = {8};
	const struct lz_device_desc desc = {
		.name = m->name,
		.iommu = b->iommu,
		.streams = ids,
		.n_streams = 1,
		.pci = &access_of,
		.ats = strcmp(m->like, CONVENTIONAL) != 0,
		.owner = &owner,
	};

	assert_int_equal(lz_device_add(g, &desc, &dev), LZ_OK);
	assert_int_equal(lz_attach(dev, dom), LZ_OK);
}

/* ---- the state before ---- */

static void set_suspect(void)
{
	unsigned long flags = lz_spin_lock(&dev->fence_lock);

	lz_store8(&dev->fence, LZ_FENCE_SUSPECT);
	lz_spin_unlock(&dev->fence_lock, flags);
}

/* Somebody else's reset, which did what it says. */
static void done(enum lz_reset_result result)
{
	if (result == LZ_RESET_OK)
		fake_of(dev)->mute = false;
	assert_int_equal(lz_reset_done(dev, result), LZ_OK);
}

static void bracket(enum lz_reset_result result)
{
	assert_int_equal(lz_reset_prepare(dev), LZ_OK);
	done(result);
}

static void enter(void)
{
	switch (in) {
	case SUSPECT:
		set_suspect();
		break;
	case PERMANENT:
		bench_break(dev, dom);
		bracket(LZ_RESET_OK);
		bench_break(dev, dom);
		break;
	case BROKEN:
		bench_break(dev, dom);
		break;
	case RESETTING:
		assert_int_equal(lz_reset_prepare(dev), LZ_OK);
		break;
	case RESET_FAILED:
		bracket(LZ_RESET_FAILED);
		break;
	case OPERATOR:
		assert_int_equal(lz_device_block(dev), LZ_OK);
		break;
	case REMOVED:
		lzm_ep_fault(ep, LZM_EP_REMOVED, 0, 0);
		lz_device_get(dev);
		assert_int_equal(lz_device_remove(dev), LZ_OK);
		break;
	default:
		break;
	}
}

static uint32_t blocked_for(void)
{
	static const uint32_t block[STATES] = {
		[BROKEN] = LZ_BLOCK_BROKEN,
		[RESETTING] = LZ_BLOCK_RESET,
		[RESET_FAILED] = LZ_BLOCK_RESET_FAILED,
		[PERMANENT] = LZ_BLOCK_BROKEN | LZ_BLOCK_PERMANENT,
		[OPERATOR] = LZ_BLOCK_OPERATOR,
	};

	return block[in];
}

/* ---- the rules ---- */

struct expected {
	bool nest; /* a nest began and ended */
	enum lz_reset_result worst;
	uint32_t block;
	enum lz_fence_state fence;
	const char *state;
};

static void worse(struct expected *e, enum lz_reset_result r)
{
	e->nest = true;
	if (r > e->worst)
		e->worst = r;
}

static const char *public_state(uint32_t block)
{
	if (block & LZ_BLOCK_PERMANENT)
		return "failed permanently";
	if (block & LZ_BLOCK_RESET_FAILED)
		return "reset failed";
	if (block & LZ_BLOCK_BROKEN)
		return "broken";
	return block ? "blocked" : "healthy";
}

static struct expected expected(void)
{
	static const enum lz_reset_result of[] = {
		[GOOD] = LZ_RESET_OK,
		[FAILED] = LZ_RESET_FAILED,
		[NOT_ATTEMPTED] = LZ_RESET_NOT_ATTEMPTED,
		[TIMEOUT] = LZ_RESET_FAILED,
	};
	struct expected e = {.worst = LZ_RESET_OK, .block = blocked_for() & ~LZ_BLOCK_RESET};

	if (in == REMOVED)
		return (struct expected){.state = "removed", .fence = LZ_FENCE_FENCED};
	if (in == RESETTING)
		worse(&e, LZ_RESET_OK);
	if (acted) /* what cannot be tried at all begins no reset */
		worse(&e, of[outcome]);
	if (acted && nesting == INNER_FAILS)
		worse(&e, LZ_RESET_FAILED);
	if (nesting == IN_OK)
		worse(&e, LZ_RESET_OK);
	if (nesting == IN_NOT_ATTEMPTED)
		worse(&e, LZ_RESET_NOT_ATTEMPTED);
	if (nesting == IN_FAILED)
		worse(&e, LZ_RESET_FAILED);
	if (e.nest && e.worst == LZ_RESET_OK)
		e.block &= ~(uint32_t)(LZ_BLOCK_BROKEN | LZ_BLOCK_RESET_FAILED);
	if (e.nest && e.worst == LZ_RESET_FAILED)
		e.block |= LZ_BLOCK_RESET_FAILED;
	e.state = public_state(e.block);
	e.fence = e.block ? LZ_FENCE_FENCED : LZ_FENCE_OPEN;
	if (in == SUSPECT && !e.nest) {
		e.fence = LZ_FENCE_SUSPECT;
		e.state = "suspect";
	}
	return e;
}

/* ---- the cell ---- */

static bool enclose(void)
{
	if (nesting == OUTERMOST || nesting == INNER_FAILS)
		return false;
	return lz_reset_prepare(dev) == LZ_OK;
}

/* H06: nothing is lifted before the outermost end. */
static void check_inside(void)
{
	struct lz_health h;

	lz_device_health(dev, &h);
	assert_true(h.block & LZ_BLOCK_RESET);
	assert_int_equal(h.fence, LZ_FENCE_FENCED);
	assert_int_equal(h.generation & 1, 1);
	assert_null(fake_of(dev)->table[0]);
}

static enum lz_status operate(void)
{
	static const enum lz_reset_result says[NESTINGS] = {
		[IN_NOT_ATTEMPTED] = LZ_RESET_NOT_ATTEMPTED, [IN_FAILED] = LZ_RESET_FAILED};
	bool enclosed = enclose();
	enum lz_status r;

	depth_before = in == REMOVED ? UINT32_MAX - 1 : dev->reset_depth;
	r = lz_pci_reset(dev);
	depth_before = UINT32_MAX - 1;
	if (enclosed || in == RESETTING)
		check_inside();
	if (enclosed)
		done(says[nesting]);
	if (in == RESETTING) {
		check_inside();
		done(LZ_RESET_OK);
	}
	return r;
}

static void prepare_outcome(void)
{
	if (outcome == FAILED && !m->has_firmware && !m->has_slot)
		lzm_ep_fault(ep, m->fails, 0, 0);
	if (outcome == TIMEOUT && m->hangs != LZM_EP_CONFIG_ONES)
		lzm_ep_fault(ep, m->hangs, 0, 0);
	if (outcome == NOT_ATTEMPTED && m->device == 0x375e)
		lzm_ep_fault(ep, LZM_EP_OLD_VENDOR, 0, 0);
	if (outcome == NOT_ATTEMPTED && m->on_bus && !m->has_slot)
		access_of.alone = false; /* another function has come */
}

static void check(struct bench *b, const struct expected *e, uint32_t generation, uint32_t command)
{
	bool lifted = e->nest && e->worst == LZ_RESET_OK && !e->block;
	uint32_t now = lzm_ep_cfg_read(ep, AT_COMMAND, 2);
	struct lz_health h;

	lz_device_health(dev, &h);
	assert_string_equal(h.state, e->state);
	assert_int_equal(h.block, e->block);
	assert_int_equal(h.fence, e->fence);
	assert_int_equal(h.reset_depth, 0);
	assert_int_equal(h.presence, in == REMOVED ? LZ_GONE : LZ_PRESENT);
	assert_int_equal(h.generation & 1, 0);
	assert_int_equal(h.generation > generation, e->nest);
	assert_int_equal(lz_group_recovery_count(g), e->block != 0);
	assert_int_equal(b->n_resumed, lifted);
	if (in == REMOVED)
		return;
	assert_ptr_equal(fake_of(dev)->table[0], e->block ? NULL : dom);
	/* Config space is as it was, after a failure too, if it can be read. */
	if (now != 0xffff)
		assert_int_equal(now, command);
}

static void cell_body(struct bench *b)
{
	struct expected e;
	uint32_t generation, command;
	enum lz_status r;

	dev = NULL;
	acted = sleeping_done = false;
	resets = 0;
	depth_before = UINT32_MAX - 1;
	make_port();
	make_function();
	g = bench_group(1);
	dom = bench_domain();
	make_device(b);
	assert_int_equal(lz_pci_reset_methods_set(dev, m->list), LZ_OK);
	command = lzm_ep_cfg_read(ep, AT_COMMAND, 2);
	enter();
	generation = dev->generation;
	b->n_resumed = 0;
	prepare_outcome();
	r = operate();
	assert_int_equal(r == LZ_OK, outcome == GOOD && in != REMOVED);
	/* Nothing is begun that cannot be tried. */
	assert_int_equal(acted,
			 in != REMOVED && (outcome != NOT_ATTEMPTED || !m->on_bus || m->has_slot));
	assert_true(resets || outcome != GOOD || in == REMOVED);
	e = expected();
	check(b, &e, generation, command);
	bench_settle();
	if (in != REMOVED)
		bench_remove(dev, g);
	else
		assert_int_equal(lz_group_destroy(g), LZ_OK);
	if (in == REMOVED)
		lz_device_put(dev);
	bench_destroy(dom);
	lzm_ep_destroy(ep);
	lzm_ep_destroy(port);
}

static void one_recovery(struct lz_config *cfg)
{
	cfg->recovery_max = 1;
}

static bool can_happen(void)
{
	return outcome != FAILED || m->fails != LZM_EP_SOUND;
}

static void every_method_result_nesting_and_state(void **s)
{
	static const char *const outcomes[] = {"good", "failed", "not attempted", "timeout"};
	static const char *const nestings[] = {"outermost", "in ok", "in not attempted",
					       "in failed", "inner fails"};
	static const char *const states[] = {"healthy",	     "suspect",	  "broken",   "resetting",
					     "reset failed", "permanent", "operator", "removed"};
	unsigned cells = 0;

	(void)s;
	for (unsigned i = 0; i < METHODS * OUTCOMES * NESTINGS * STATES; i++) {
		m = &methods[i / (OUTCOMES * NESTINGS * STATES)];
		outcome = (enum outcome)(i / (NESTINGS * STATES) % OUTCOMES);
		nesting = (enum nesting)(i / STATES % NESTINGS);
		in = (enum state)(i % STATES);
		if (!can_happen())
			continue;
		cells++;
		if (getenv("LAZARET_CELLS"))
			print_message("%s, %s, %s, %s\n", m->name, outcomes[outcome],
				      nestings[nesting], states[in]);
		bench_run(1, 0, one_recovery, cell_body);
	}
	print_message("%u cells: %u methods x %u results x %u nestings x %u states, without "
		      "the failures that cannot happen\n",
		      cells, (unsigned)METHODS, OUTCOMES, NESTINGS, STATES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_result_nesting_and_state),
	};

	return cmocka_run_group_tests_name("reset_matrix", tests, NULL, NULL);
}
