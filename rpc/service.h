/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface that a server serves: its handlers by method number.
 */
#ifndef VBI_SERVICE_H
#define VBI_SERVICE_H

#include <stdint.h>

#include <verbena/stub.h>

struct vb_conn;
struct vb_server;
struct vbi_binding;

struct vbi_service {
	const struct vb_service *stubs;
	const struct vb_interface *interface;
	const void *ops;
	void *data;
	uint32_t n_methods;			  /* highest number + 1 */
	const struct vb_service_method **methods; /* by number; NULL: ENOSYS */
	struct vbi_service *next;
};

/* The service of interface ID; NULL: not served here. */
struct vbi_service *vbi_service_find(const struct vb_server *server, uint64_t id);

void vbi_service_free(struct vbi_service *service);

/* The peer binds interface ID at INDEX. Negative errno: the peer breaks the rules. */
int vbi_service_bind(struct vb_conn *conn, uint32_t index, uint64_t id, uint32_t major,
		     uint32_t minor);

/* The connection ends: tells each session, once, and frees it. */
void vbi_service_unbind_all(struct vb_conn *conn);

#endif
