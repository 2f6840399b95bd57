/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policy in force. Each part of it is read on its own where it is needed, so a
 * change takes effect part by part; what has begun by the old one finishes by it.
 */
#include "core/core.h"

static void put_in_force(struct lz *lz, const struct lz_policy *p)
{
	lz_store32(&lz->policy, p->policy);
	lz_store32(&lz->identify, p->identify);
	lz_store32(&lz->response, p->response);
	lz_store32(&lz->recovery_max, p->recovery_max);
	lz_store64(&lz->recovery_window, p->recovery_window);
	lz_store64(&lz->slow, p->slow);
	if (lz_load32(&lz->contain) == p->contain)
		return;
	/* What was reported under the other mode may be reported again. */
	(void)lz_fetch_add32(&lz->contain_round, 1);
	lz_store32_release(&lz->contain, p->contain);
}

void lz_policy_init(struct lz *lz)
{
	const struct lz_config *cfg = &lz->cfg;

	put_in_force(lz, &(struct lz_policy){
				 .policy = cfg->policy,
				 .contain = cfg->contain,
				 .identify = cfg->identify,
				 .response = cfg->response,
				 .recovery_max = cfg->recovery_max,
				 .recovery_window = cfg->recovery_window,
				 .slow = cfg->slow,
			 });
}

void lz_policy_get(struct lz *lz, struct lz_policy *out)
{
	*out = (struct lz_policy){
		.policy = lz_load32(&lz->policy),
		.contain = (enum lz_contain)lz_load32(&lz->contain),
		.identify = (enum lz_identify)lz_load32(&lz->identify),
		.response = (enum lz_response)lz_load32(&lz->response),
		.recovery_max = lz_load32(&lz->recovery_max),
		.recovery_window = lz_load64(&lz->recovery_window),
		.slow = lz_load64(&lz->slow),
	};
}

static bool is_valid(const struct lz *lz, const struct lz_policy *p)
{
	return !(p->policy & ~(LZ_POLICY_PORT_BLOCK | LZ_POLICY_GLOBAL_ABORT)) &&
	       (unsigned)p->contain <= LZ_CONTAIN_OFF &&
	       (unsigned)p->identify <= LZ_IDENTIFY_ASSUME &&
	       (unsigned)p->response <= LZ_RESPONSE_FENCE && p->recovery_max <= lz_limit_room(lz) &&
	       (!p->recovery_max || p->recovery_window);
}

/* Every IOMMU's work may have something to do by the new policy. */
static void kick_all(struct lz *lz)
{
	unsigned long flags = lz_spin_lock(&lz->lock);

	for (struct lz_iommu *i = lz->iommus; i; i = i->next)
		lz_iommu_kick(i);
	lz_spin_unlock(&lz->lock, flags);
}

enum lz_status lz_policy_set(struct lz *lz, const struct lz_policy *policy)
{
	struct lz_event ev = {.kind = LZ_EV_POLICY, .detail = policy->policy};

	if (!LZ_CONFIG_OPERATOR)
		return LZ_ENOTSUP;
	if (!is_valid(lz, policy))
		return LZ_EINVAL;
	if (!LZ_CONFIG_OBSERVE && policy->contain != LZ_CONTAIN_ON)
		return LZ_ENOTSUP;
	put_in_force(lz, policy);
	lz_emit(lz, &ev);
	kick_all(lz);
	return LZ_OK;
}

/* ---- response ---- */

enum lz_status lz_device_response_set(struct lz_device *dev, enum lz_response response)
{
	if ((unsigned)response > LZ_RESPONSE_FENCE)
		return LZ_EINVAL;
	lz_store32(&dev->response, response);
	return LZ_OK;
}

enum lz_response lz_response_of(const struct lz_device *dev)
{
	uint32_t r = lz_load32(&dev->response);

	if (r == LZ_RESPONSE_DEFAULT)
		r = lz_load32(&dev->lz->response);
	return r == LZ_RESPONSE_FENCE ? LZ_RESPONSE_FENCE : LZ_RESPONSE_BLOCK;
}
