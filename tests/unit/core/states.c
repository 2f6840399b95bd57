/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of a device as docs/states.txt draws them: each transition in it is
 * taken, and no other. Random operations on a device, its driver and its queue;
 * the state is looked at before every operation that another context could see.
 */
#include "tests/unit/core/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WALKS	400u
#define STEPS	24u
#define MAX	64u
#define COLUMNS 6u

/* ---- what is drawn ---- */

struct drawn {
	char from[24], to[24];
	bool taken;
};
/* What a state is made of: the fence's values, and what blocks: what always does,
 * what may do besides. Masks of what is drawn and of what was seen. */
struct part {
	char state[24];
	uint32_t fence, always, maybe;
	uint32_t seen_fence, seen_always, seen_maybe;
	bool depth, seen_depth; /* a reset may be under way */
};
static struct drawn drawn[MAX];
static struct part part[MAX];
static unsigned n_drawn, n_parts;

static const char *const fences[] = {"open", "suspect", "fencing", "fenced", NULL};
static const char *const reasons[] = {"reset",	  "reset failed", "broken", "permanent",
				      "operator", "sibling",	  NULL};

static char *trim(char *s)
{
	char *end = s + strlen(s);

	while (end > s && (end[-1] == ' ' || end[-1] == '\n'))
		*--end = '\0';
	while (*s == ' ')
		s++;
	return s;
}

static void keep(char *to, size_t size, const char *from)
{
	assert_true(strlen(from) < size);
	strcpy(to, from);
}

static unsigned columns(char *line, char *col[COLUMNS])
{
	unsigned n = 0;

	for (char *p = strtok(line, "|"); p && n < COLUMNS; p = strtok(NULL, "|"))
		col[n++] = trim(p);
	return n;
}

/* "fencing, fenced" as bits. */
static uint32_t mask_of(const char *list, const char *const *names)
{
	uint32_t mask = 0;
	char text[80];

	keep(text, sizeof(text), list);
	for (char *save, *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		unsigned i = 0;

		p = trim(p);
		if (!strcmp(p, "-"))
			continue;
		while (names[i] && strcmp(names[i], p) != 0)
			i++;
		if (!names[i])
			fail_msg("docs/states.txt: what is \"%s\"?", p);
		mask |= 1u << i;
	}
	return mask;
}

static void draw_state(char *col[COLUMNS])
{
	struct part *p = &part[n_parts++];

	assert_true(n_parts <= MAX);
	keep(p->state, sizeof(p->state), col[0]);
	p->fence = mask_of(col[1], fences);
	p->always = mask_of(col[2], reasons);
	p->maybe = mask_of(col[3], reasons);
	p->depth = !strcmp(col[4], "yes");
	p->seen_always = UINT32_MAX;
}

static void draw(char *line)
{
	char *col[COLUMNS] = {"", "", "", "", "", ""}, *arrow;

	if (columns(line, col) < 2)
		return;
	arrow = strstr(col[0], " -> ");
	if (!arrow) {
		draw_state(col);
		return;
	}
	*arrow = '\0';
	assert_true(n_drawn < MAX);
	keep(drawn[n_drawn].from, sizeof(drawn[0].from), trim(col[0]));
	keep(drawn[n_drawn++].to, sizeof(drawn[0].to), trim(arrow + 4));
}

static void read_drawing(void)
{
	FILE *f = fopen("docs/states.txt", "r");
	char line[256];

	assert_non_null(f);
	n_drawn = n_parts = 0;
	memset(drawn, 0, sizeof(drawn));
	memset(part, 0, sizeof(part));
	while (fgets(line, sizeof(line), f))
		if (*line != '#' && *trim(line))
			draw(line);
	fclose(f);
}

/* ---- what is ---- */

static struct lz_group *g;
static struct lz_device *dev;
static struct lz_domain *dom;
static const char *last;
static char not_drawn[MAX][120];
static unsigned n_not_drawn;

/* From its parts, not asking the library: that would be operations too. */
static const char *state_of(const struct lz_device *d)
{
	if (d->presence != LZ_PRESENT)
		return "removed";
	if (d->block & LZ_BLOCK_PERMANENT)
		return "failed permanently";
	if (d->reset_depth)
		return "resetting";
	if (d->block & LZ_BLOCK_RESET_FAILED)
		return "reset failed";
	if (d->block & LZ_BLOCK_BROKEN)
		return "broken";
	if (d->block & (LZ_BLOCK_OPERATOR | LZ_BLOCK_SIBLING))
		return "blocked";
	if (d->block)
		return "resetting";
	if (d->degraded)
		return "degraded";
	if (d->fence >= LZ_FENCE_FENCING)
		return "broken";
	return d->fence == LZ_FENCE_SUSPECT ? "suspect" : "healthy";
}

static void complain(const char *fmt, const char *a, const char *b, const char *c)
{
	char text[120];

	snprintf(text, sizeof(text), fmt, a, b, c);
	for (unsigned i = 0; i < n_not_drawn; i++)
		if (!strcmp(not_drawn[i], text))
			return;
	if (n_not_drawn < MAX)
		strcpy(not_drawn[n_not_drawn++], text);
}

static void took(const char *from, const char *to)
{
	for (unsigned i = 0; i < n_drawn; i++)
		if (!strcmp(drawn[i].from, from) && !strcmp(drawn[i].to, to)) {
			drawn[i].taken = true;
			return;
		}
	complain("%s -> %s%s", from, to, "");
}

static void is_in(const char *state)
{
	struct part *p = part;

	while (p < part + n_parts && strcmp(p->state, state) != 0)
		p++;
	if (p == part + n_parts) {
		complain("state %s%s%s", state, "", "");
		return;
	}
	p->seen_fence |= 1u << dev->fence;
	p->seen_always &= dev->block;
	p->seen_maybe |= dev->block;
	p->seen_depth |= dev->reset_depth > 0;
}

static void observe(void)
{
	const char *now;

	if (!dev)
		return;
	now = state_of(dev);
	is_in(now);
	if (last && strcmp(last, now) != 0)
		took(last, now);
	last = now;
}

/* ---- who runs ---- */

static uint64_t rng;

static unsigned roll(unsigned n)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (unsigned)((rng * 0x2545f4914f6cdd1dull >> 33) % n);
}

static size_t pick(void *ctx, const struct sim_enabled *e, size_t n)
{
	(void)ctx;
	observe();
	if (roll(8))
		for (size_t i = 0; i < n; i++)
			if (e[i].current)
				return i;
	return roll((unsigned)n);
}

/* ---- the walk ---- */

static bool removed;

static void add(struct bench *b)
{
	const uint32_t ids[1] = {8};
	const struct lz_device_desc desc = {
		.name = "walker",
		.iommu = b->iommu,
		.streams = ids,
		.n_streams = 1,
		.ats = true,
		.response = b->seed % 3 ? LZ_RESPONSE_DEFAULT : LZ_RESPONSE_FENCE,
	};
	struct lz_device *made;

	assert_int_equal(lz_device_add(g, &desc, &made), LZ_OK);
	lz_device_get(made);
	assert_int_equal(lz_attach(made, dom), LZ_OK);
	last = "removed";
	dev = made;
	removed = false;
	observe();
}

/* Looked at until the very end; the reference keeps its memory. */
static void take_out(void)
{
	struct lz_device *d = dev;

	assert_int_equal(lz_device_remove(d), LZ_OK);
	bench_settle();
	observe();
	dev = NULL;
	last = NULL;
	removed = true;
	lz_device_put(d);
	bench_settle();
}

static void fall_silent(void)
{
	const lz_iova iova = 0x100000;

	fake_of(dev)->mute = true;
	if (lz_map(dom, iova, 0x10000000, LZ_PAGE, LZ_READ) == LZ_OK)
		(void)!lz_unmap(dom, iova, LZ_PAGE);
}

static void a_second_reset(void *arg)
{
	(void)arg;
	if (lz_reset_prepare(dev) != LZ_OK)
		return;
	bench_sleep(LZ_US(roll(20)));
	(void)!lz_reset_done(dev, (enum lz_reset_result)roll(3));
}

static void reset(void)
{
	bool good = roll(4) != 0;

	if (!roll(4))
		bench_spawn("reset", 2, a_second_reset, NULL);
	if (lz_reset_prepare(dev) != LZ_OK)
		return;
	if (roll(2))
		bench_sleep(LZ_US(roll(30)));
	if (good)
		fake_of(dev)->mute = false;
	(void)!lz_reset_done(dev, good ? LZ_RESET_OK : (enum lz_reset_result)(1 + roll(2)));
	bench_join();
}

static void fail_an_operation(struct bench *b)
{
	static const enum fake_op ops[] = {OP_INSTALL, OP_PROBE, OP_BLOCK};
	static const enum lz_status how[] = {LZ_ETIMEDOUT, LZ_ENOMEM, LZ_EIO};
	enum fake_op op = ops[roll(3)];

	/* Not answers that the driver's contract does not know. */
	b->fake.fail[op] = op == OP_BLOCK ? LZ_ETIMEDOUT : how[roll(op == OP_PROBE ? 1 : 2)];
	if (op == OP_PROBE && roll(2))
		b->fake.fail[op] = LZ_EIO;
	b->fake.fail_count[op] = op == OP_BLOCK ? 0 : 1;
}

static void works_again(struct bench *b)
{
	b->fake.stalled = false;
	memset(b->fake.fail_count, 0, sizeof(b->fake.fail_count));
	lz_iommu_kick(b->iommu);
}

static void step(struct bench *b)
{
	struct lz_health h;

	if (removed) {
		add(b);
		return;
	}
	switch (roll(11)) {
	case 0:
	case 1:
		fall_silent();
		break;
	case 2:
		fake_of(dev)->mute = false; /* only slow, after all */
		break;
	case 3:
		lz_device_report_broken(dev);
		break;
	case 4:
	case 5:
	case 6:
		reset();
		break;
	case 7:
		(void)!lz_device_block(dev);
		break;
	case 8:
		if (roll(2))
			fake_of(dev)->mute = false;
		(void)!lz_device_clear(dev);
		break;
	case 9:
		b->fake.stalled = !b->fake.stalled;
		fail_an_operation(b);
		lz_iommu_kick(b->iommu);
		break;
	default:
		if (roll(3) == 0) {
			works_again(b);
			take_out();
			return;
		}
	}
	if (roll(3))
		bench_sleep(LZ_US(roll(400)));
	if (roll(2))
		return;
	bench_sleep(LZ_MS(300));
	/* At rest it is what the library says, too. */
	lz_device_health(dev, &h);
	assert_string_equal(h.state, state_of(dev));
}

static void walk_body(struct bench *b)
{
	rng = (b->seed + 1) * 0x9e3779b97f4a7c15ull;
	g = bench_group(1);
	dom = bench_domain();
	dev = NULL;
	removed = true;
	b->fake.delay = 300;
	for (unsigned i = 0; i < STEPS; i++)
		step(b);
	works_again(b);
	if (!removed)
		take_out();
	bench_destroy(dom);
	assert_int_equal(lz_group_destroy(g), LZ_OK);
}

static void two_recoveries(struct lz_config *cfg)
{
	cfg->recovery_max = 2;
}

static void list(uint32_t mask, const char *const *names, char *out)
{
	*out = '\0';
	for (unsigned i = 0; names[i]; i++)
		if (mask >> i & 1)
			sprintf(out + strlen(out), "%s%s", *out ? ", " : "", names[i]);
	if (!*out)
		strcpy(out, "-");
}

static bool same_part(struct part *p)
{
	char text[3][80];

	p->seen_maybe &= ~p->seen_always;
	if (p->seen_fence == p->fence && p->seen_always == p->always && p->seen_maybe == p->maybe &&
	    p->seen_depth == p->depth)
		return true;
	list(p->seen_fence, fences, text[0]);
	list(p->seen_always, reasons, text[1]);
	list(p->seen_maybe, reasons, text[2]);
	print_error("seen: %s | %s | %s | %s | %s\n", p->state, text[0], text[1], text[2],
		    p->seen_depth ? "yes" : "no");
	return false;
}

static bool compare(void)
{
	bool same = !n_not_drawn;

	for (unsigned i = 0; i < n_not_drawn; i++)
		print_error("not drawn: %s\n", not_drawn[i]);
	for (unsigned i = 0; i < n_drawn; i++) {
		if (!drawn[i].taken)
			print_error("never taken: %s -> %s\n", drawn[i].from, drawn[i].to);
		same &= drawn[i].taken;
	}
	for (unsigned i = 0; i < n_parts; i++)
		same &= same_part(&part[i]);
	return same;
}

static void what_is_drawn_is_taken_and_nothing_else(void **s)
{
	const struct sim_strategy strategy = {.pick = pick};

	(void)s;
	read_drawing();
	n_not_drawn = 0;
	for (unsigned seed = 1; seed <= WALKS; seed++) {
		sim_explore(&strategy);
		bench_run(seed, 0, two_recoveries, walk_body);
		sim_explore(NULL);
	}
	assert_true(compare());
	print_message("%u states, %u transitions: all seen, and no other\n", n_parts, n_drawn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_drawn_is_taken_and_nothing_else),
	};

	return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
