/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/pci/tree.h"

struct tree tree;

static uint64_t link_now(void *ctx)
{
	(void)ctx;
	return tree.now;
}

static void link_reset(void *ctx, struct lzm_ep *ep)
{
	(void)ctx;
	for (unsigned i = 0; i < tree.n; i++)
		if (tree.fn[i].ep == ep)
			tree.fn[i].resets++;
}

static uint32_t pci_read(void *ctx, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(((struct node *)ctx)->ep, off, width);
}

static void pci_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	struct node *n = ctx;

	n->writes++;
	if (!n->lose_writes_at || off != n->lose_writes_at)
		lzm_ep_cfg_write(n->ep, off, width, v);
}

static uint32_t bar_read(void *ctx, unsigned off, unsigned width)
{
	struct node *n = ctx;

	n->bar_reads++;
	return lzm_ep_bar_read(n->ep, off, width);
}

static void bar_write(void *ctx, unsigned off, unsigned width, uint32_t v)
{
	struct node *n = ctx;

	n->bar_writes++;
	lzm_ep_bar_write(n->ep, off, width, v);
}

static void settle(struct node *n)
{
	while (n->ep && lzm_ep_step(n->ep))
		;
}

static void pci_sleep(void *ctx, lz_ns ns)
{
	(void)ctx;
	tree.now += ns;
	tree.slept += ns;
	settle(&tree.port);
	for (unsigned i = 0; i < tree.n; i++)
		settle(&tree.fn[i]);
}

static struct lzm_ep *create(const char *name, struct node *upstream, struct node *pf,
			     uint16_t vendor, uint16_t device)
{
	static const struct lzm_ep_link link = {.now = link_now, .reset = link_reset};
	const struct lzm_ep_config cfg = {
		.name = name,
		.config = tree.config,
		.config_len = tree.len,
		.vendor = vendor,
		.device = device,
		.atc_entries = 4,
		.answer_ns = 1000,
		.flr_ns = 150000000,
		.seed = 7,
		.upstream = upstream ? upstream->ep : NULL,
		.pf = pf ? pf->ep : NULL,
	};
	struct lzm_ep *ep = lzm_ep_create(&cfg, &link);

	assert_non_null(ep);
	return ep;
}

static void fill(struct node *n, struct node *upstream)
{
	n->tree = &tree;
	n->pci = (struct lz_pci_access){
		.ctx = n,
		.read = pci_read,
		.write = pci_write,
		.sleep = pci_sleep,
		.upstream = upstream ? &upstream->pci : NULL,
		.bar_read = bar_read,
		.bar_write = bar_write,
	};
}

void tree_start_port(void)
{
	fake_start();
	tree.now = tree.slept = 0;
	tree.n = 0;
	memset(&tree.port, 0, sizeof(tree.port));
	memset(tree.fn, 0, sizeof(tree.fn));
	fill(&tree.port, NULL);
	tree.port.ep = create("port", NULL, NULL, 0, 0);
}

void tree_start(void)
{
	tree_load(PORT);
	tree_start_port();
}

void tree_stop(void)
{
	fake_check_balance();
	for (unsigned i = tree.n; i--;)
		lzm_ep_destroy(tree.fn[i].ep);
	lzm_ep_destroy(tree.port.ep);
	tree.port.ep = NULL;
	tree.n = 0;
}

void tree_load(const char *name)
{
	tree.len = function_config(name, tree.config);
	assert_true(tree.len >= 64);
}

void tree_put(unsigned off, unsigned width, uint32_t v)
{
	for (unsigned i = 0; i < width; i++)
		tree.config[off + i] = (uint8_t)(v >> 8 * i);
}

void tree_put_ext(unsigned at, uint16_t id)
{
	unsigned last = 0x100, next;

	while ((next = (tree.config[last + 3] << 4 | tree.config[last + 2] >> 4) & 0xffcu) != 0)
		last = next;
	tree_put(at, 4, 0x10000u | id);
	tree_put(last + 2, 2, (tree.config[last + 2] & 0xfu) | at << 4);
}

struct node *tree_add(const char *name, struct node *pf, uint16_t vendor, uint16_t device)
{
	struct node *n = &tree.fn[tree.n];

	assert_true(tree.n < TREE_MAX);
	fill(n, &tree.port);
	n->pci.vendor = vendor;
	n->pci.device = device;
	n->ep = create(name, &tree.port, pf, vendor, device);
	fake_device(&n->f, name, &n->pci, pf ? &pf->f.dev : NULL);
	tree.n++;
	return n;
}

struct node *node_of(struct fake *f)
{
	return (struct node *)(void *)f;
}

uint32_t node_read(struct node *n, unsigned off, unsigned width)
{
	return lzm_ep_cfg_read(n->ep, off, width);
}

void node_fault(struct node *n, enum lzm_ep_fault f)
{
	lzm_ep_fault(n->ep, f, 0, 0);
}
