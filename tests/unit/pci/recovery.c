/* SPDX-License-Identifier: BSD-2-Clause */
/* Recovery of a link: who is told what, how votes merge, what happens to DMA. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pci/tree.h"

#define N 3u

/* An owner that votes as it was told and notes what it was called for. */
struct owner {
	enum lz_vote error, mmio, slot;
	char calls[16]; /* n, f, l: channel error; m; s; r: resume */
	struct fake *fake;
	unsigned prepared_when_told; /* depth at the first call, at slot_reset, at the last */
	unsigned prepared_at_slot, prepared_at_last;
	bool slot_answers; /* config space at slot_reset */
};

static struct owner owners[N];
static struct lz_device *devs[N];
static unsigned link_resets;
static enum lz_status link_says;

static void note(struct owner *o, char c)
{
	size_t at = strlen(o->calls);

	assert_true(at + 1 < sizeof(o->calls));
	o->calls[at] = c;
	/* A report from in here would be seen (H19). */
	assert_int_equal(o->fake->dev.in_owner, 1);
	if (!at)
		o->prepared_when_told = o->fake->prepares - o->fake->dones;
	o->prepared_at_last = o->fake->prepares - o->fake->dones;
}

static enum lz_vote on_error(void *ctx, struct lz_device *dev, enum lz_channel state)
{
	struct owner *o = ctx;

	assert_ptr_equal(dev, &o->fake->dev);
	note(o, "nfl"[state]);
	return o->error;
}

static enum lz_vote on_mmio(void *ctx, struct lz_device *dev)
{
	struct owner *o = ctx;

	assert_ptr_equal(dev, &o->fake->dev);
	note(o, 'm');
	return o->mmio;
}

static enum lz_vote on_slot(void *ctx, struct lz_device *dev)
{
	struct owner *o = ctx;

	note(o, 's');
	o->prepared_at_slot = o->fake->prepares - o->fake->dones;
	o->slot_answers = node_read(node_of(fake_of(dev)), AT_COMMAND, 4) != 0xffffffff;
	return o->slot;
}

static void on_resume(void *ctx, struct lz_device *dev)
{
	(void)dev;
	note(ctx, 'r');
}

static const struct lz_owner_ops ops = {.channel_error = on_error,
					.mmio_enabled = on_mmio,
					.slot_reset = on_slot,
					.resume = on_resume};
static const struct lz_owner_ops silent = {.resume = on_resume};

static enum lz_status platform_reset(void *ctx)
{
	assert_ptr_equal(ctx, &link_resets);
	link_resets++;
	if (link_says == LZ_OK)
		for (unsigned i = 0; i < N; i++)
			lzm_ep_bus_reset(tree.fn[i].ep);
	return link_says;
}

/* Owners that vote for a reset and then are well. */
static void start(void)
{
	static const char *const names[N] = {BLK, NVME, NO_FLR};

	tree_start();
	link_resets = 0;
	link_says = LZ_OK;
	memset(owners, 0, sizeof(owners));
	for (unsigned i = 0; i < N; i++) {
		struct node *n;

		tree_load(names[i]);
		n = tree_add(names[i], NULL, 0, 0);
		owners[i] = (struct owner){.error = LZ_VOTE_NEED_RESET,
					   .mmio = LZ_VOTE_RECOVERED,
					   .slot = LZ_VOTE_RECOVERED,
					   .fake = &n->f};
		n->f.dev.owner = &ops;
		n->f.dev.owner_ctx = &owners[i];
		devs[i] = &n->f.dev;
	}
}

static void all_vote(enum lz_vote error)
{
	for (unsigned i = 0; i < N; i++)
		owners[i].error = error;
}

static enum lz_status recover(enum lz_channel state)
{
	const struct lz_pci_link link = {.port = &tree.port.pci};

	return lz_pci_recover(devs, N, state, &link);
}

static void assert_calls(const char *each)
{
	for (unsigned i = 0; i < N; i++)
		if (devs[i]->owner == &ops)
			assert_string_equal(owners[i].calls, each);
}

static void assert_results(enum lz_reset_result r)
{
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(fake_of(devs[i])->result, r);
}

static void assert_resets(unsigned n)
{
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(tree.fn[i].resets, n);
}

static void a_fatal_error_is_recovered(void **state)
{
	(void)state;
	start();
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_OK);
	assert_calls("fs"); /* resume is the core's, from done() */
	assert_results(LZ_RESET_OK);
	assert_resets(1);
	for (unsigned i = 0; i < N; i++) {
		/* Nothing may invalidate over a dead link. */
		assert_int_equal(owners[i].prepared_when_told, 1);
		assert_int_equal(owners[i].prepared_at_slot, 1);
		assert_true(owners[i].slot_answers);
	}
	tree_stop();
}

static void a_frozen_link_is_reset_whatever_the_votes(void **state)
{
	(void)state;
	start();
	all_vote(LZ_VOTE_CAN_RECOVER);
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_OK);
	assert_calls("fm");
	assert_resets(1);
	assert_results(LZ_RESET_OK);
	tree_stop();

	start();
	all_vote(LZ_VOTE_DISCONNECT);
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_EIO);
	assert_calls("fl");
	assert_resets(1);
	assert_results(LZ_RESET_FAILED);
	tree_stop();
}

static void a_non_fatal_error_needs_no_reset(void **state)
{
	(void)state;
	start();
	all_vote(LZ_VOTE_CAN_RECOVER);
	assert_int_equal(recover(LZ_CHANNEL_NORMAL), LZ_OK);
	assert_calls("nmr");
	assert_resets(0);
	for (unsigned i = 0; i < N; i++)
		assert_int_equal(fake_of(devs[i])->prepares, 0);
	tree_stop();
}

static void a_non_fatal_error_may_need_one(void **state)
{
	(void)state;
	start();
	all_vote(LZ_VOTE_CAN_RECOVER);
	owners[1].error = LZ_VOTE_NEED_RESET;
	assert_int_equal(recover(LZ_CHANNEL_NORMAL), LZ_OK);
	assert_calls("ns");
	assert_resets(1);
	for (unsigned i = 0; i < N; i++) {
		assert_int_equal(owners[i].prepared_when_told, 0);
		assert_int_equal(owners[i].prepared_at_slot, 1);
	}
	tree_stop();

	/* As somebody finds out when it looks at its registers. */
	start();
	all_vote(LZ_VOTE_CAN_RECOVER);
	owners[2].mmio = LZ_VOTE_NEED_RESET;
	assert_int_equal(recover(LZ_CHANNEL_NORMAL), LZ_OK);
	assert_calls("nms");
	assert_resets(1);
	tree_stop();
}

static void an_owner_without_handlers_leaves_quarantine(void **state)
{
	(void)state;
	for (unsigned frozen = 0; frozen < 2; frozen++) {
		for (unsigned last = 0; last < 2; last++) {
			start();
			devs[last ? N - 1 : 0]->owner = frozen ? &silent : NULL;
			assert_int_equal(recover(frozen ? LZ_CHANNEL_FROZEN : LZ_CHANNEL_NORMAL),
					 LZ_EIO);
			assert_calls(frozen ? "fl" : "nl");
			assert_results(LZ_RESET_FAILED);
			assert_string_equal(owners[last ? N - 1 : 0].calls, "");
			tree_stop();
		}
	}
}

static void a_bridge_without_handlers_has_no_opinion(void **state)
{
	struct lz_device *all[2];
	const struct lz_pci_link link = {.port = &tree.port.pci};
	struct node *n;

	(void)state;
	start();
	tree_load(PORT);
	n = tree_add("switch", NULL, 0, 0);
	all[0] = &n->f.dev;
	all[1] = devs[0];
	assert_int_equal(lz_pci_recover(all, 2, LZ_CHANNEL_NORMAL, &link), LZ_OK);
	assert_string_equal(owners[0].calls, "ns");
	assert_int_equal(n->f.result, LZ_RESET_OK);
	tree_stop();
}

/* Rows: the vote so far; columns: the next one. What comes of two owners. */
static void votes_merge(void **state)
{
	enum { GO = LZ_VOTE_CAN_RECOVER, RST = LZ_VOTE_NEED_RESET, DIS = LZ_VOTE_DISCONNECT };
	static const enum lz_vote votes[] = {LZ_VOTE_NONE, LZ_VOTE_CAN_RECOVER, LZ_VOTE_NEED_RESET,
					     LZ_VOTE_DISCONNECT, LZ_VOTE_RECOVERED};
	static const char *const want[5][5] = {
		/* none    can    reset  disc   recovered */
		{"nmr", "nmr", "ns", "nl", "nr"}, /* none */
		{"nmr", "nmr", "ns", "nl", "nr"}, /* can recover */
		{"ns", "ns", "ns", "ns", "ns"},	  /* need reset */
		{"nl", "nl", "ns", "nl", "nl"},	  /* disconnect */
		{"nr", "nmr", "ns", "nl", "nr"},  /* recovered */
	};

	(void)state;
	for (unsigned i = 0; i < 25; i++) {
		enum lz_status r;

		start();
		all_vote(LZ_VOTE_NONE);
		owners[0].error = votes[i / 5];
		owners[1].error = votes[i % 5];
		r = recover(LZ_CHANNEL_NORMAL);
		assert_calls(want[i / 5][i % 5]);
		assert_int_equal(r, strchr(want[i / 5][i % 5], 'l') ? LZ_EIO : LZ_OK);
		tree_stop();
	}
}

static void who_is_not_well_after_the_reset_fails_all(void **state)
{
	static const enum lz_vote bad[] = {LZ_VOTE_DISCONNECT, LZ_VOTE_CAN_RECOVER,
					   LZ_VOTE_NEED_RESET};

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		start();
		owners[2].slot = bad[i];
		assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_EIO);
		assert_calls("fsl");
		assert_results(LZ_RESET_FAILED);
		/* Blocked while they hear of it. */
		assert_int_equal(owners[0].prepared_at_last, 1);
		tree_stop();
	}
}

static void a_link_that_cannot_be_reset_fails_all(void **state)
{
	(void)state;
	start();
	node_fault(&tree.fn[1], LZM_EP_BUS_TIMEOUT);
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_ETIMEDOUT);
	assert_calls("fl");
	assert_results(LZ_RESET_FAILED);
	tree_stop();
}

static void the_platform_may_reset_the_link(void **state)
{
	const struct lz_pci_link link = {.reset = platform_reset, .ctx = &link_resets};

	(void)state;
	start();
	assert_int_equal(lz_pci_recover(devs, N, LZ_CHANNEL_FROZEN, &link), LZ_OK);
	assert_int_equal(link_resets, 1);
	assert_calls("fs");
	assert_results(LZ_RESET_OK);
	tree_stop();

	start();
	link_says = LZ_EIO;
	assert_int_equal(lz_pci_recover(devs, N, LZ_CHANNEL_FROZEN, &link), LZ_EIO);
	assert_calls("fl");
	assert_results(LZ_RESET_FAILED);
	tree_stop();
}

static void an_integrated_endpoint_is_reset_by_itself(void **state)
{
	const struct lz_pci_link none = {.port = NULL};

	(void)state;
	start();
	assert_int_equal(lz_pci_recover(devs, N, LZ_CHANNEL_FROZEN, &none), LZ_EINVAL);
	assert_int_equal(lz_pci_recover(devs, 1, LZ_CHANNEL_FROZEN, &none), LZ_OK);
	assert_string_equal(owners[0].calls, "fs");
	assert_int_equal(tree.fn[0].resets, 1);
	assert_int_equal(tree.fn[1].resets, 0);
	tree_stop();
}

static void contained_devices_come_back(void **state)
{
	const struct lz_pci_link link = {.port = &tree.port.pci};
	struct lz_device *dev;
	struct node *n;
	struct owner o = {.error = LZ_VOTE_NEED_RESET, .slot = LZ_VOTE_RECOVERED};

	(void)state;
	tree_load(PORT);
	tree_put_ext(0x200, 0x1d);
	tree_start_port();
	tree_load(BLK);
	n = tree_add("blk", NULL, 0, 0);
	o.fake = &n->f;
	n->f.dev.owner = &ops;
	n->f.dev.owner_ctx = &o;
	dev = &n->f.dev;
	lzm_ep_contain(tree.port.ep);
	assert_int_equal(lz_pci_recover(&dev, 1, LZ_CHANNEL_FROZEN, &link), LZ_OK);
	assert_string_equal(o.calls, "fs");
	assert_true(o.slot_answers);
	assert_int_equal(n->f.result, LZ_RESET_OK);
	tree_stop();
}

static void one_that_cannot_be_prepared(void **state)
{
	(void)state;
	start();
	fake_of(devs[0])->prepare_says = LZ_EBUSY;
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_EBUSY);
	assert_calls("");
	assert_int_equal(fake_of(devs[2])->result, LZ_RESET_NOT_ATTEMPTED);
	assert_resets(0);
	tree_stop();

	/* One that is being removed is left to its removal. */
	start();
	fake_of(devs[0])->prepare_says = LZ_ENODEV;
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_OK);
	assert_int_equal(fake_of(devs[0])->dones, 0);
	assert_int_equal(fake_of(devs[1])->result, LZ_RESET_OK);
	tree_stop();

	start();
	fake_no_memory = true;
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_ENOMEM);
	assert_calls("");
	assert_int_equal(recover(LZ_CHANNEL_LOST), LZ_EINVAL);
	tree_stop();
}

static void outermost_fails(struct fake *f)
{
	f->done_says = f->prepares == f->dones ? LZ_EIO : LZ_OK;
}

/* One that does not answer its probe is blocked by the core; the others work. */
static void what_done_says_is_heard(void **state)
{
	(void)state;
	start();
	fake_of(devs[1])->on_done = outermost_fails;
	assert_int_equal(recover(LZ_CHANNEL_FROZEN), LZ_EIO);
	assert_calls("fs");
	assert_results(LZ_RESET_OK);
	tree_stop();
}

#define T(f) cmocka_unit_test(f)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_fatal_error_is_recovered),
		T(a_frozen_link_is_reset_whatever_the_votes),
		T(a_non_fatal_error_needs_no_reset),
		T(a_non_fatal_error_may_need_one),
		T(an_owner_without_handlers_leaves_quarantine),
		T(a_bridge_without_handlers_has_no_opinion),
		T(votes_merge),
		T(who_is_not_well_after_the_reset_fails_all),
		T(a_link_that_cannot_be_reset_fails_all),
		T(the_platform_may_reset_the_link),
		T(an_integrated_endpoint_is_reset_by_itself),
		T(contained_devices_come_back),
		T(one_that_cannot_be_prepared),
		T(what_done_says_is_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
