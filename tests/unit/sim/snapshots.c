/* SPDX-License-Identifier: BSD-2-Clause */
/* A snapshot keeps memory, stacks, time and agents, as often as one goes back. */
#include <signal.h>
#include <string.h>

#include "common.h"

static struct {
	uint32_t *word;
	unsigned char *block;
	uint64_t *dma;
	uint32_t sum;
} * m;

static void on_write(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (!sim_arena_fault(info->si_addr))
		signal(sig, SIG_DFL);
}

static void handle_traps(void)
{
	static char stack[1 << 16];
	stack_t ss = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction sa = {.sa_sigaction = on_write,
			       .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

	assert_int_equal(sigaltstack(&ss, NULL), 0);
	assert_int_equal(sigaction(SIGSEGV, &sa, NULL), 0);
}

static void other(void *arg)
{
	(void)arg;
	spend(3);
	lz_store32(m->word, 7);
	m->sum += 100;
}

static void body(void *arg)
{
	const struct lz_port *port = arg;
	uint32_t local = 5; /* on the stack */
	lz_phys phys;

	m->block = port->alloc(NULL, 300);
	memset(m->block, 1, 300);
	m->dma = port->dma_alloc(NULL, 4096, 4096, &phys);
	*m->dma = 11;
	sim_pause();
	local += m->block[0] + (uint32_t)*m->dma;
	memset(m->block, 9, 300);
	*m->dma = 99;
	port->free(NULL, m->block, 300);
	m->block = port->alloc(NULL, 300);
	sim_task("other", 1, other, NULL);
	while (!is_set(m->word))
		sim_sleep_until(sim_now() + 10);
	m->sum += local + m->block[0];
}

static void a_run_can_be_repeated(void **state)
{
	struct sim_config cfg = {
		.cpus = 2, .dma_bytes = DMA_SIZE, .dma_base = DMA_BASE, .snapshots = true};
	uint32_t snapshot;
	lz_ns end = 0;

	(void)state;
	handle_traps();
	sim_start(&cfg);
	m = sim_heap_alloc(sizeof(*m));
	m->word = sim_heap_alloc(sizeof(*m->word));
	sim_task("body", 0, body, (void *)sim_port());
	assert_int_equal(sim_run(LZ_SEC(1)), 3);
	snapshot = sim_snapshot();
	if (!snapshot)
		skip(); /* a build without */
	for (unsigned i = 0; i < 5; i++) {
		assert_true(sim_restore(snapshot));
		assert_int_equal(m->sum, 0);
		assert_int_equal(*m->word, 0);
		assert_int_equal(m->block[299], 1);
		assert_int_equal(stats().live_allocs, 2);
		assert_int_equal(sim_run(LZ_SEC(1)), 0);
		assert_int_equal(m->sum, 100 + 5 + 1 + 11);
		end = end ? end : sim_now();
		assert_int_equal(sim_now(), end);
	}
	sim_stop();
	assert_false(sim_restore(snapshot));
}

static struct {
	unsigned char *page;
	bool early, late;
	unsigned sum;
} * ends;

static void at_the_end(void *arg)
{
	(void)arg;
	spend(3);
	ends->sum++;
}

static void two_ends(void *arg)
{
	(void)arg;
	sim_pause();
	if (ends->early)
		ends->page[4096] = 2;
	if (!ends->late)
		sim_pause();
	sim_late();
	ends->page[4096] = 3;
	ends->page[8192] = 3;
	sim_task("at the end", 1, at_the_end, NULL); /* a stack more */
}

static size_t run_to_an_end(uint32_t snapshot, bool early, bool late)
{
	struct sim_arena_stats st;

	assert_true(sim_restore(snapshot));
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ends->page[i * 4096], 1);
	assert_int_equal(ends->sum, 0);
	ends->early = early;
	ends->late = late;
	assert_int_equal(sim_run(LZ_SEC(1)), late ? 0 : 3);
	sim_arena_get(&st);
	return st.late_pages;
}

/* Whoever comes to a late page first, and in whatever order runs end. */
static void late_pages_go_back_too(void **state)
{
	struct sim_config cfg = {
		.cpus = 2, .dma_bytes = DMA_SIZE, .dma_base = DMA_BASE, .snapshots = true};
	size_t late, less;
	uint32_t snapshot;

	(void)state;
	handle_traps();
	sim_start(&cfg);
	ends = sim_heap_alloc(sizeof(*ends));
	ends->page = sim_heap_alloc(1 << 14);
	memset(ends->page, 1, 1 << 14);
	sim_task("body", 0, two_ends, NULL);
	assert_int_equal(sim_run(LZ_SEC(1)), 3);
	snapshot = sim_snapshot();
	if (!snapshot)
		skip(); /* a build without */
	assert_int_equal(run_to_an_end(snapshot, false, false), 0);
	late = run_to_an_end(snapshot, false, true);
	assert_true(late > 1);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(run_to_an_end(snapshot, false, i & 5), late);
	/* The late pages are closed again after two runs that end early; one that
	 * writes such a page has it from then on. */
	run_to_an_end(snapshot, false, false);
	run_to_an_end(snapshot, false, false);
	less = run_to_an_end(snapshot, true, false);
	assert_int_equal(less, late - 1);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(run_to_an_end(snapshot, i & 2, i & 5), less);
}

static void without_asking_there_is_none(void **state)
{
	(void)state;
	start(1, 0);
	assert_int_equal(sim_snapshot(), 0);
	assert_false(sim_restore(0));
}

static void pauses(void *arg)
{
	uint32_t *n = arg;

	++*n;
	sim_pause();
	++*n;
}

static void a_pause_is_gone_on_from(void **state)
{
	uint32_t n = 0;

	(void)state;
	start(1, 0);
	sim_task("pauses", 0, pauses, &n);
	assert_int_equal(sim_run(LZ_SEC(1)), 3);
	assert_int_equal(n, 1);
	assert_int_equal(sim_run(LZ_SEC(1)), 0);
	assert_int_equal(n, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_run_can_be_repeated, stop),
		cmocka_unit_test_teardown(late_pages_go_back_too, stop),
		cmocka_unit_test_teardown(without_asking_there_is_none, stop),
		cmocka_unit_test_teardown(a_pause_is_gone_on_from, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
