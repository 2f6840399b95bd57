/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all resets of functions share, with their real results (H02, H04).
 *
 * 1 collect what the reset hits: virtual functions go along (H92)
 * 2 prepare: DMA blocked, invalidations stopped and drained
 * 3 wait for pending transactions, bounded; still pending is no reason to stop
 * 4 save config space, plant marks: values that a reset has to undo
 * 5 the method's reset, its settle time and acknowledgement, the ready wait
 * 6 look at the marks
 * 7 have the function take its bus number again; restore config space; also
 *   after a failure
 * 8 the same for virtual functions, which are back by now
 * 9 done(result), for each its own
 */
#include "pci/reset.h"

#define READY_LIMIT_MS 60000u
/* The link above is looked at then, once. */
#define RETRAIN_AFTER_MS 1000u
/* A removal that waits is seen so soon. */
#define NAP_MS 500u
/* Between VF Enable and the first access to a virtual function (SR-IOV 3.3.3). */
#define VF_SETTLE LZ_MS(100)

/* One function that a reset hits. */
struct victim {
	struct lz_device *dev;
	bool prepared;
	bool saved; /* it answered: the next two are valid */
	struct lz_pci_saved state;
	struct lz_pci_marks marks;
	enum lz_reset_result result;
};

/* Those that the reset is for, and then virtual functions of theirs. */
struct set {
	struct victim *v;
	unsigned n_main, n, size;
};

/* ---- 1: who is hit ---- */

static bool belongs(const struct lz_device *dev, struct lz_device *const *devs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (dev == devs[i])
			return false;
	for (unsigned i = 0; i < n; i++)
		if (dev->pf == devs[i])
			return true;
	return false;
}

/* Counts the virtual functions; with a set, takes them in and references them,
 * as far as there is room. */
static unsigned virtual_functions(struct set *s, struct lz_device *const *devs, unsigned n)
{
	struct lz_iommu *iommu = devs[0]->iommu;
	unsigned long flags = lz_spin_lock(&iommu->lock);
	unsigned found = 0;

	for (struct lz_device *d = iommu->devices; d; d = d->next_in_iommu) {
		if (!d->pci || !belongs(d, devs, n))
			continue;
		found++;
		if (s && s->n < s->size) {
			lz_device_get(d);
			s->v[s->n++].dev = d;
		}
	}
	lz_spin_unlock(&iommu->lock, flags);
	return found;
}

static void give_back(struct set *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		lz_store32_release(&s->v[i].dev->in_pci_reset, 0);
		if (i >= s->n_main)
			lz_device_put(s->v[i].dev);
	}
}

/* Two resets at a time would save and restore each other's half-reset state. */
static enum lz_status claim(struct set *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		uint32_t none = 0;

		if (lz_cas32(&s->v[i].dev->in_pci_reset, &none, 1))
			continue;
		while (i--)
			lz_store32_release(&s->v[i].dev->in_pci_reset, 0);
		for (i = s->n_main; i < s->n; i++)
			lz_device_put(s->v[i].dev);
		return LZ_EBUSY;
	}
	return LZ_OK;
}

/* ---- 2 and 9: prepare and done ---- */

/* Virtual functions end after the physical one: theirs is the later proof. */
static enum lz_status finish(struct set *s)
{
	enum lz_status first = LZ_OK;

	for (unsigned i = 0; i < s->n; i++) {
		enum lz_status r = LZ_OK;

		if (s->v[i].prepared)
			r = lz_reset_done(s->v[i].dev, s->v[i].result);
		if (first == LZ_OK && i < s->n_main)
			first = r;
	}
	return first;
}

/* Virtual functions first: none may invalidate while its parent goes. */
static enum lz_status prepare(struct set *s)
{
	for (unsigned i = s->n; i--;) {
		enum lz_status r = lz_reset_prepare(s->v[i].dev);

		s->v[i].result = LZ_RESET_NOT_ATTEMPTED;
		s->v[i].prepared = r == LZ_OK;
		/* What is being removed needs nobody's protection. */
		if (r == LZ_OK || (r == LZ_ENODEV && s->n > 1 && (i || s->n_main > 1)))
			continue;
		(void)finish(s);
		return r;
	}
	return LZ_OK;
}

/* ---- 3 to 8 ---- */

static bool ready(const struct lz_pci_access *a)
{
	return cfg_read16(a, PCI_VENDOR_ID) != PCI_VENDOR_RETRY && lz_pci_present(a);
}

/* False when the device is to be removed: nobody needs to know any more. */
static bool nap(const struct lz_device *dev, unsigned ms)
{
	for (unsigned now; ms && lz_load8(&dev->presence) == LZ_PRESENT; ms -= now) {
		now = ms < NAP_MS ? ms : NAP_MS;
		dev->pci->sleep(dev->pci->ctx, LZ_MS(now));
	}
	return !ms;
}

/* Sleeps 1, 2, 4 ... ms; gives up when the next sleep would exceed the limit. A link
 * that is down by then is retrained, which starts the count anew. */
static enum lz_status wait_ready(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	bool retrained = !LZ_CONFIG_METHODS || !a->upstream;

	for (unsigned ms = 1; !ready(a); ms *= 2) {
		if (!retrained && ms > RETRAIN_AFTER_MS) {
			retrained = true;
			if (lz_pci_port_retrain(a->upstream)) {
				lz_log(dev->lz, LZ_LOG_WARN, dev->name, "link retrained");
				ms = 1;
			}
		}
		if (ms > READY_LIMIT_MS) {
			lz_log(dev->lz, LZ_LOG_ERR, dev->name, "not ready after reset; giving up");
			return LZ_ETIMEDOUT;
		}
		if (!nap(dev, ms))
			return LZ_ENODEV;
	}
	return LZ_OK;
}

enum lz_status lz_pci_settle(struct lz_device *dev)
{
	const struct lz_pci_access *a = dev->pci;
	uint16_t status = cfg_read16(a, PCI_STATUS);

	if (status == 0xffff || !(status & PCI_STATUS_READY))
		a->sleep(a->ctx, LZ_PCI_SETTLE);
	return wait_ready(dev);
}

/*
 * A device that is being removed is the core's alone, and once it is removed what
 * v->dev->pci points to may be gone. A virtual function may be removed while its
 * physical one is reset, of which its owner knows nothing: so whoever touches config
 * space holds the device, which keeps its removal waiting.
 */
static bool hold(const struct victim *v)
{
	return v->prepared && lz_device_hold(v->dev);
}

static void look(struct victim *v)
{
	const struct lz_pci_access *a = v->dev->pci;

	if (!hold(v))
		return;
	if (lz_pci_wait_pending(a) == LZ_ETIMEDOUT)
		lz_log(v->dev->lz, LZ_LOG_WARN, v->dev->name,
		       "transactions still pending, going on with the reset");
	v->saved = lz_pci_save(&v->state, a);
	if (v->saved)
		lz_pci_plant(&v->marks, a);
	lz_device_let(v->dev);
}

static bool was_reset(const struct victim *v)
{
	return v->saved ? lz_pci_marks_gone(&v->marks, v->dev->pci) : lz_pci_as_reset(v->dev->pci);
}

static void restore(struct victim *v)
{
	const struct lz_pci_access *a = v->dev->pci;

	/* A function takes its bus number from the first write it sees. */
	cfg_write16(a, PCI_VENDOR_ID, 0);
	if (v->saved)
		lz_pci_restore(&v->state, a);
}

/* How one function came out of a reset that went as `r` says. */
static enum lz_status judge(struct victim *v, enum lz_status r, bool evidence)
{
	struct lz_device *dev = v->dev;

	if (r == LZ_OK)
		r = wait_ready(dev);
	if (r == LZ_OK && evidence && !was_reset(v)) {
		lz_log(dev->lz, LZ_LOG_ERR, dev->name, "reset had no visible effect");
		r = LZ_EIO;
	}
	v->result = r == LZ_OK ? LZ_RESET_OK : LZ_RESET_FAILED;
	return r;
}

/* Those that came along with their physical function. One that kept everything
 * was not reset (some devices keep theirs): it is as it was. */
static void judge_vf(struct victim *v, enum lz_status r)
{
	if (r == LZ_OK && v->saved && lz_pci_present(v->dev->pci) && !was_reset(v))
		v->result = LZ_RESET_NOT_ATTEMPTED;
	else
		(void)judge(v, r, true);
}

/* What resets: a device's method, or a port. */
struct how {
	const struct lz_pci_method *method; /* NULL: the link */
	const struct lz_pci_link *link;
	bool from_outside; /* need not answer */
	bool evidence;	   /* marks say something */
};

static enum lz_status trigger(const struct how *how, struct lz_device *dev)
{
	if (!LZ_CONFIG_METHODS || how->method)
		return how->method->run(dev);
	if (how->link->reset)
		return how->link->reset(how->link->ctx);
	return lz_pci_port_reset(how->link->port);
}

/* What became of one of those that the reset is for. */
static enum lz_status end_one(struct victim *v, enum lz_status r, bool tried, bool evidence)
{
	if (!hold(v))
		return LZ_ENODEV;
	if (tried)
		r = judge(v, r, evidence);
	restore(v);
	lz_device_let(v->dev);
	return r;
}

static void end_vf(struct victim *v, enum lz_status r, bool tried)
{
	if (!hold(v))
		return;
	if (tried)
		judge_vf(v, r);
	restore(v);
	lz_device_let(v->dev);
}

static enum lz_status trigger_held(const struct how *how, struct victim *v)
{
	enum lz_status r;

	if (!hold(v)) /* a port's reset needs none of them */
		return how->method ? LZ_ENODEV : trigger(how, v->dev);
	r = trigger(how, v->dev);
	lz_device_let(v->dev);
	return r;
}

static enum lz_status run(struct set *s, const struct how *how)
{
	enum lz_status r, first;

	for (unsigned i = s->n; i--;)
		look(&s->v[i]);
	if (!how->from_outside && !s->v[0].saved)
		r = LZ_ENODEV;
	else
		r = trigger_held(how, &s->v[0]);

	bool tried = r != LZ_ENOTSUP && (how->from_outside || s->v[0].saved);

	first = r;
	for (unsigned i = 0; i < s->n_main; i++) {
		enum lz_status own = end_one(&s->v[i], r, tried, how->evidence);

		if (first == LZ_OK && s->v[i].prepared)
			first = own;
	}
	if (s->n > s->n_main && tried)
		s->v[0].dev->pci->sleep(s->v[0].dev->pci->ctx, VF_SETTLE);
	for (unsigned i = s->n_main; i < s->n; i++)
		end_vf(&s->v[i], r, tried);
	return first;
}

static enum lz_status reset_set(struct set *s, const struct how *how)
{
	enum lz_status r = claim(s), done;

	if (r != LZ_OK)
		return r;
	r = prepare(s);
	if (r != LZ_OK) {
		give_back(s);
		return r;
	}
	r = run(s, how);
	/* Before done(), whose callbacks may reset again. References stay. */
	for (unsigned i = 0; i < s->n; i++)
		lz_store32_release(&s->v[i].dev->in_pci_reset, 0);
	/* H02, H03, H04: the core and the caller both hear what happened. */
	done = finish(s);
	for (unsigned i = s->n_main; i < s->n; i++)
		lz_device_put(s->v[i].dev);
	return r == LZ_OK ? done : r;
}

/* With memory of its own for more than one function, so that it fails before
 * anything is touched. */
static enum lz_status reset_many(struct lz_device *const *devs, unsigned n, const struct how *how)
{
	const struct lz *lz = devs[0]->lz;
	struct set s = {.n_main = n, .n = n, .size = n + virtual_functions(NULL, devs, n)};
	enum lz_status r;

	s.v = lz_mem_alloc(lz, s.size * sizeof(*s.v));
	if (!s.v)
		return LZ_ENOMEM;
	for (unsigned i = 0; i < n; i++)
		s.v[i].dev = devs[i];
	(void)virtual_functions(&s, devs, n);
	r = reset_set(&s, how);
	lz_mem_free(lz, s.v, s.size * sizeof(*s.v));
	return r;
}

static enum lz_status reset_one(struct lz_device *dev, const struct how *how)
{
	struct victim v = {.dev = dev};
	struct set s = {.v = &v, .n_main = 1, .n = 1, .size = 1};

	if (virtual_functions(NULL, &dev, 1))
		return reset_many(&dev, 1, how);
	return reset_set(&s, how);
}

/* ---- the calls ---- */

static enum lz_status reset_by(struct lz_device *dev, const struct lz_pci_method *m)
{
	struct how how = {.method = m, .from_outside = m->from_outside, .evidence = true};

	if (LZ_CONFIG_METHODS && m->run == lz_pci_run_vendor)
		how.evidence = !lz_pci_vendor_keeps_config(dev);
	/* H01: what cannot be done is found out before anything is touched. */
	if (m->probe(dev) != LZ_OK)
		return LZ_ENOTSUP;
	return reset_one(dev, &how);
}

enum lz_status lz_pci_reset(struct lz_device *dev)
{
	enum lz_status r = LZ_ENOTSUP;

	if (!LZ_CONFIG_FLR || !dev->pci)
		return LZ_ENOTSUP;
	for (unsigned i = 0; r == LZ_ENOTSUP; i++) {
		const struct lz_pci_method *m = lz_pci_method_at(dev, i);

		if (!m)
			break;
		r = reset_by(dev, m);
	}
	return r;
}

enum lz_status lz_pci_reset_flr(struct lz_device *dev)
{
	if (!LZ_CONFIG_FLR || !dev->pci)
		return LZ_ENOTSUP;
	return reset_by(dev, &lz_pci_method_flr);
}

enum lz_status lz_pci_reset_link(struct lz_device *const *devs, unsigned n,
				 const struct lz_pci_link *link)
{
	const struct how how = {.link = link, .from_outside = true, .evidence = true};
	enum lz_status r = LZ_OK;

	for (unsigned i = 0; i < n; i++)
		if (!devs[i]->pci || devs[i]->iommu != devs[0]->iommu)
			return LZ_EINVAL;
	if (!link->reset)
		r = lz_pci_port_can_reset(link->port);
	return r == LZ_OK ? reset_many(devs, n, &how) : r;
}

enum lz_status lz_pci_bus_reset(struct lz_device *const *devs, unsigned n,
				const struct lz_pci_access *port)
{
	const struct lz_pci_link link = {.port = port};

	if (!LZ_CONFIG_FLR || !LZ_CONFIG_METHODS)
		return LZ_ENOTSUP;
	return n && port ? lz_pci_reset_link(devs, n, &link) : LZ_EINVAL;
}
