/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/options.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "rpc/clock.h"
#include "rpc/conn.h"

/* One number among the options: 0 means the default. */
struct range {
	const char *name;
	uint64_t least;
	uint64_t most;
	uint64_t preset;
};

/*
 * Over a network the connection manager's messages get lost as others do, and the kernel sends one
 * again after some seconds: 5 s to connect in did not outlive a single loss (4.8 s of a lost
 * answer, 7.1 s of a lost request).
 */
static const struct range connect_timeout_range = {"connect_timeout_ns", 1, 3600 * VBI_NS_PER_S,
						   10 * VBI_NS_PER_S};
/* A grace beyond a minute would be a second deadline. */
static const struct range grace_range = {"grace_ns", 1, 60 * VBI_NS_PER_S, 10 * VBI_NS_PER_MS};
static const struct range message_range = {"message_max", VBI_MESSAGE_MAX_LEAST, VBI_MESSAGE_MAX,
					   VBI_MESSAGE_MAX_DEFAULT};
static const struct range inflight_range = {"inflight", 1, VBI_INFLIGHT_MAX, VBI_INFLIGHT_DEFAULT};
/* Address space, not memory: pages come with their first use. */
static const struct range memory_range = {"memory_max", 1u << 20, 1ull << 40, 256u << 20};
static const struct range connections_range = {"connections_max", 1, 65536, 1024};
/* Shorter than 100 ms a network's hiccup kills; longer than an hour nobody means. */
static const struct range keepalive_range = {"keepalive_ns", 100 * VBI_NS_PER_MS,
					     3600 * VBI_NS_PER_S, 3 * VBI_NS_PER_S};
static const struct range bulk_range = {"bulk_max", 1u << 20, 1ull << 40, 256u << 20};

/* *VALUE, or its default if it is 0. */
static int settle(const struct range *range, uint64_t given, uint64_t *ret, struct vb_error *error)
{
	if (given == 0)
		given = range->preset;
	if (given < range->least || given > range->most) {
		vbi_error_set(error, EINVAL, "options", "%s is %llu; it must be %llu to %llu",
			      range->name, (unsigned long long)given,
			      (unsigned long long)range->least, (unsigned long long)range->most);
		return -EINVAL;
	}
	*ret = given;
	return 0;
}

static int settle_wait(enum vb_wait wait, struct vb_error *error)
{
	if (wait == VB_WAIT_ADAPTIVE || wait == VB_WAIT_SPIN || wait == VB_WAIT_SLEEP)
		return 0;
	vbi_error_set(error, EINVAL, "options", "wait is %d, which is no enum vb_wait", (int)wait);
	return -EINVAL;
}

/* Copies a caller's struct that may be of an older or newer version than ours. */
static int take(const void *given, size_t our_size, void *ret, const char *macro,
		struct vb_error *error)
{
	size_t size;

	memcpy(&size, given, sizeof(size));
	if (size < sizeof(size) || size > 4096) {
		vbi_error_set(error, EINVAL, "options", "the options' size is %zu: begin with = %s",
			      size, macro);
		return -EINVAL;
	}
	for (size_t i = our_size; i < size; i++) {
		if (!((const uint8_t *)given)[i])
			continue;
		vbi_error_set(error, EINVAL, "options",
			      "the options set a member that this version does not know");
		return -EINVAL;
	}
	memcpy(ret, given, size < our_size ? size : our_size);
	return 0;
}

int vbi_options_conn(const struct vb_options *given, struct vb_options *ret, struct vb_error *error)
{
	uint64_t message_max = 0;
	uint64_t inflight = 0;

	memset(ret, 0, sizeof(*ret));
	if (given && take(given, sizeof(*ret), ret, "VB_OPTIONS_INIT", error))
		return -EINVAL;
	if (settle_wait(ret->wait, error) ||
	    settle(&connect_timeout_range, ret->connect_timeout_ns, &ret->connect_timeout_ns,
		   error) ||
	    settle(&grace_range, ret->grace_ns, &ret->grace_ns, error) ||
	    settle(&message_range, ret->message_max, &message_max, error) ||
	    settle(&inflight_range, ret->inflight, &inflight, error) ||
	    settle(&memory_range, ret->memory_max, &ret->memory_max, error) ||
	    settle(&keepalive_range, ret->keepalive_ns, &ret->keepalive_ns, error))
		return -EINVAL;
	ret->message_max = (uint32_t)message_max & ~63u;
	ret->inflight = (uint32_t)inflight;
	return 0;
}

int vbi_options_server(const struct vb_server_options *given, struct vb_server_options *ret,
		       struct vb_error *error)
{
	uint64_t message_max = 0;
	uint64_t inflight = 0;
	uint64_t connections = 0;

	memset(ret, 0, sizeof(*ret));
	if (given && take(given, sizeof(*ret), ret, "VB_SERVER_OPTIONS_INIT", error))
		return -EINVAL;
	if (settle_wait(ret->wait, error) ||
	    settle(&message_range, ret->message_max, &message_max, error) ||
	    settle(&inflight_range, ret->inflight, &inflight, error) ||
	    settle(&connections_range, ret->connections_max, &connections, error) ||
	    settle(&bulk_range, ret->bulk_max, &ret->bulk_max, error) ||
	    settle(&keepalive_range, ret->keepalive_ns, &ret->keepalive_ns, error))
		return -EINVAL;
	ret->message_max = (uint32_t)message_max & ~63u;
	ret->inflight = (uint32_t)inflight;
	ret->connections_max = (uint32_t)connections;
	return 0;
}

int vbi_options_memory(const struct vb_memory_options *given, struct vb_memory_options *ret,
		       struct vb_error *error)
{
	memset(ret, 0, sizeof(*ret));
	if (given && take(given, sizeof(*ret), ret, "VB_MEMORY_OPTIONS_INIT", error))
		return -EINVAL;
	if (ret->kind == VB_MEMORY_HOST)
		return 0;
	if (ret->kind == VB_MEMORY_DMABUF) {
		vbi_error_set(error, EOPNOTSUPP, "options",
			      "memory of kind VB_MEMORY_DMABUF cannot be registered");
		return -EOPNOTSUPP;
	}
	vbi_error_set(error, EINVAL, "options", "kind is %d, which is no enum vb_memory_kind",
		      (int)ret->kind);
	return -EINVAL;
}

int vbi_options_copy_stats(const struct vb_stats *stats, struct vb_stats *to)
{
	size_t size = to->size;

	if (size < sizeof(size) || size > sizeof(*stats))
		return vbi_edge(-EINVAL);
	memcpy(to, stats, size);
	to->size = size;
	return 0;
}

/* What an address looks like, for who got it wrong. */
#ifdef VBI_HAVE_VERBS
#define SCHEMES "shm://NAME and rdma://HOST:PORT"
#else
#define SCHEMES "shm://NAME"
#endif

void vbi_options_explain_address(const char *address, char *sentence, size_t size)
{
	if (!address)
		snprintf(sentence, size, "the address is NULL; it looks like " SCHEMES);
	else if (!strstr(address, "://"))
		snprintf(sentence, size,
			 "'%.100s' is no address: it needs a scheme, as in " SCHEMES, address);
	else
		snprintf(sentence, size,
			 "'%.100s' names no transport of this library: it has " SCHEMES, address);
}
