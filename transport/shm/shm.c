/* SPDX-License-Identifier: Apache-2.0 */
/* Shared memory on one host: the table of operations, and those that are nobody else's. */
#include "transport/shm/shm.h"

#include <sys/mman.h>

#include "transport/shm/address.h"
#include "transport/shm/arena.h"
#include "transport/shm/bulk.h"
#include "transport/shm/expose.h"

static void *region_alloc(struct vbi_domain *base, size_t size)
{
	void *region = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)base;
	return region == MAP_FAILED ? NULL : region;
}

static void region_free(struct vbi_domain *base, void *region, size_t size)
{
	(void)base;
	if (region)
		munmap(region, size);
}

/* What lies outside the shared file is copied, known or not. */
static int memory_register(struct vbi_endpoint *base, void *address, size_t size)
{
	(void)base;
	(void)address;
	(void)size;
	return 0;
}

static void memory_unregister(struct vbi_endpoint *base, void *address)
{
	(void)base;
	(void)address;
}

/* Who called closes the word itself, with one store. */
static void end_with(struct vbi_endpoint *base, struct vbi_message *message,
		     const struct vbi_record *record)
{
	(void)base;
	(void)message;
	(void)record;
}

static int address_check(const char *rest, bool listen, struct vbi_cause *ret_cause)
{
	struct shm_address address;

	(void)listen;
	return shm_address_parse(rest, &address, ret_cause);
}

const struct vbi_transport vbi_shm = {
	.scheme = "shm",
	/* About a microsecond. A look at the clock costs as much as a fifth of a call. */
	.polls_untimed = 200,
	.domain_open = shm_domain_open,
	.domain_close = shm_domain_close,
	.poll = shm_domain_poll,
	.arm = shm_domain_arm,
	.fd = shm_domain_fd,
	.watch = shm_domain_watch_foreign,
	.sleep = shm_domain_sleep,
	.next_timeout = shm_domain_next_timeout,
	.spin_pays = shm_domain_spin_pays,
	.address_check = address_check,
	.listen = shm_listen,
	.listener_close = shm_listener_close,
	.connect = shm_connect,
	.close = shm_endpoint_close,
	.message_get = shm_endpoint_message_get,
	.prepare = shm_endpoint_prepare,
	.end_with = end_with,
	.message_put = shm_endpoint_message_put,
	.send = shm_endpoint_send,
	.flush = shm_endpoint_flush,
	.release = shm_endpoint_release,
	.expose = shm_expose,
	.revoke = shm_revoke,
	.memory_alloc = shm_memory_alloc,
	.memory_free = shm_arena_free,
	.memory_register = memory_register,
	.memory_unregister = memory_unregister,
	.region_alloc = region_alloc,
	.region_free = region_free,
	.pull = shm_pull,
	.push = shm_push,
	.map = shm_map,
	.unmap = shm_unmap,
};
