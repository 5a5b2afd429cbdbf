/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look-up on a thread of its own: getaddrinfo() has no time-out. Whoever is last, the thread or
 * the endpoint that has given up, frees what they share.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "transport/cause.h"
#include "transport/verbs/address.h"

struct verbs_resolver {
	struct verbs_place place;
	struct verbs_addresses addresses;
	struct vbi_cause cause;
	int error;
	int fd;		 /* eventfd: written when the rest above may be read */
	unsigned owners; /* atomic: the thread, the endpoint */
};

static void let_go(struct verbs_resolver *resolver)
{
	if (__atomic_sub_fetch(&resolver->owners, 1, __ATOMIC_ACQ_REL))
		return;
	close(resolver->fd);
	free(resolver);
}

static void *look_up(void *argument)
{
	struct verbs_resolver *resolver = argument;
	uint64_t one = 1;

	resolver->error = verbs_place_look_up(&resolver->place, &resolver->addresses,
					      &resolver->cause);
	/* An eventfd takes a 1 always. */
	if (write(resolver->fd, &one, sizeof(one)) < 0) {}
	let_go(resolver);
	return NULL;
}

struct verbs_resolver *verbs_resolver_start(const struct verbs_place *place)
{
	struct verbs_resolver *resolver = calloc(1, sizeof(*resolver));
	pthread_attr_t detached;
	pthread_t thread;
	int error;

	if (!resolver)
		return NULL;
	resolver->place = *place;
	resolver->owners = 2;
	resolver->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (resolver->fd < 0)
		goto free_resolver;
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	error = pthread_create(&thread, &detached, look_up, resolver);
	pthread_attr_destroy(&detached);
	if (!error)
		return resolver;
	errno = error;
	close(resolver->fd);
free_resolver:
	error = errno;
	free(resolver);
	errno = error;
	return NULL;
}

int verbs_resolver_fd(const struct verbs_resolver *resolver)
{
	return resolver->fd;
}

int verbs_resolver_result(struct verbs_resolver *resolver, struct verbs_addresses *ret,
			  struct vbi_cause *ret_cause)
{
	uint64_t count;

	if (read(resolver->fd, &count, sizeof(count)) != sizeof(count))
		return -EAGAIN;
	if (resolver->error)
		*ret_cause = resolver->cause;
	else
		*ret = resolver->addresses;
	return resolver->error;
}

void verbs_resolver_free(struct verbs_resolver *resolver)
{
	if (resolver)
		let_go(resolver);
}
