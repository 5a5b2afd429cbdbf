/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/service.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/conn.h"
#include "rpc/server.h"
#include "rpc/worker.h"

typedef int bound_fn(struct vb_session *session, void *data);
typedef void gone_fn(struct vb_session *session, void *data);

/* A member of the handlers' table; NULL: it is missing, or the table was made before it existed. */
static void *ops_member(const struct vbi_service *service, size_t offset)
{
	size_t size;
	void *member;

	memcpy(&size, service->ops, sizeof(size));
	if (offset + sizeof(member) > size)
		return NULL;
	memcpy(&member, (const uint8_t *)service->ops + offset, sizeof(member));
	return member;
}

static void fill_methods(struct vbi_service *service)
{
	for (uint32_t i = 0; i < service->stubs->n_methods; i++) {
		const struct vb_service_method *method = &service->stubs->methods[i];

		if (ops_member(service, method->handler))
			service->methods[method->method->number] = method;
	}
}

static struct vbi_service *new_service(const struct vb_service *stubs, const void *ops, void *data)
{
	struct vbi_service *service = calloc(1, sizeof(*service));

	if (!service)
		return NULL;
	service->stubs = stubs;
	service->interface = stubs->interface;
	service->ops = ops;
	service->data = data;
	if (stubs->n_methods)
		service->n_methods = stubs->methods[stubs->n_methods - 1].method->number + 1u;
	service->methods = calloc(service->n_methods + 1u, sizeof(struct vb_service_method *));
	if (!service->methods) {
		free(service);
		return NULL;
	}
	fill_methods(service);
	return service;
}

void vbi_service_free(struct vbi_service *service)
{
	free(service->methods);
	free(service);
}

static int check_serve(struct vb_server *server, const struct vb_service *stubs, const void *ops)
{
	struct vb_error *error = vbi_server_error(server);
	const char *name = stubs->interface->name;
	size_t size = 0;

	if (ops)
		memcpy(&size, ops, sizeof(size));
	if (size < sizeof(size_t) || size > stubs->ops_size + 65536u) {
		vbi_error_set(
			error, EINVAL, "serve",
			"the handlers of interface %s are %s: set .size = sizeof(struct %s_ops)",
			name, ops ? "a table of an impossible size" : "NULL", name);
		return -EINVAL;
	}
	if (vbi_service_find(server, stubs->interface->id)) {
		vbi_error_set(error, EEXIST, "serve", "interface %s (@0x%016llx) is served already",
			      name, (unsigned long long)stubs->interface->id);
		return -EEXIST;
	}
	if (vbi_server_is_running(server)) {
		vbi_error_set(
			error, EBUSY, "serve",
			"interface %s cannot be added while the server runs: clients have been "
			"told what it serves",
			name);
		return -EBUSY;
	}
	return 0;
}

int vb_stub_serve(struct vb_server *server, const struct vb_service *stubs, const void *ops,
		  void *data)
{
	struct vbi_service *service;
	int error = check_serve(server, stubs, ops);

	if (error)
		return vbi_edge(error);
	service = new_service(stubs, ops, data);
	if (!service)
		return vbi_edge(-ENOMEM);
	error = vbi_server_add_service(server, service);
	if (error)
		vbi_service_free(service);
	return error ? vbi_edge(error) : 0;
}

struct vbi_service *vbi_service_find(const struct vb_server *server, uint64_t id)
{
	struct vbi_service *service = vbi_server_services(server);

	while (service && service->interface->id != id)
		service = service->next;
	return service;
}

/* ---- Sessions ---- */

/* Both ends must have room for every method's fixed part. */
static bool replies_fit(const struct vb_conn *conn, const struct vb_interface *interface,
			uint16_t minor)
{
	for (uint32_t i = 0; i < interface->n_methods; i++)
		if (interface->methods[i].since <= minor &&
		    interface->methods[i].reply_fixed > conn->endpoint->limits.send_max)
			return false;
	return true;
}

/* 0, or the errno that the session's requests are to be answered with. */
static int ask_bound(struct vbi_binding *binding)
{
	const struct vbi_service *service = binding->service;
	void *member = ops_member(service, service->stubs->bound);
	bound_fn *bound;

	if (!replies_fit(binding->conn, service->interface, binding->minor))
		return EMSGSIZE;
	memcpy(&bound, &member, sizeof(bound));
	errno = 0;
	if (bound && bound((struct vb_session *)binding, service->data) < 0)
		return errno ? errno : EACCES;
	binding->present = true;
	return 0;
}

static struct vbi_binding *add_binding(struct vb_conn *conn)
{
	struct vbi_binding **bindings =
		realloc(conn->bindings, (conn->n_bindings + 1u) * sizeof(struct vbi_binding *));
	struct vbi_binding *binding = bindings ? calloc(1, sizeof(*binding)) : NULL;

	if (bindings)
		conn->bindings = bindings;
	if (binding)
		bindings[conn->n_bindings++] = binding;
	return binding;
}

int vbi_service_bind(struct vb_conn *conn, uint32_t index, uint64_t id, uint32_t major,
		     uint32_t minor)
{
	struct vb_server *server = conn->worker->server;
	struct vbi_service *service = server ? vbi_service_find(server, id) : NULL;
	struct vbi_binding *binding;

	/* The peer has our hello, so it knows what there is to bind. */
	if (!service || service->interface->major != major || service->interface->minor < minor ||
	    index != conn->n_bindings + 1u || index > VBI_BINDINGS_MAX)
		return -EPROTO;
	binding = add_binding(conn);
	if (!binding)
		return -ENOMEM;
	binding->conn = conn;
	binding->service = service;
	binding->minor = (uint16_t)minor;
	binding->identity = conn->endpoint->identity;
	binding->refused = ask_bound(binding);
	return 0;
}

void vbi_service_unbind_all(struct vb_conn *conn)
{
	for (uint16_t i = 0; i < conn->n_bindings; i++) {
		struct vbi_binding *binding = conn->bindings[i];
		const struct vbi_service *service = binding->service;
		void *member = ops_member(service, service->stubs->gone);
		gone_fn *gone;

		memcpy(&gone, &member, sizeof(gone));
		if (binding->present && gone)
			gone((struct vb_session *)binding, service->data);
		free(binding);
	}
	conn->n_bindings = 0;
}

void vb_session_set_data(struct vb_session *session, void *data)
{
	((struct vbi_binding *)session)->session_data = data;
}

void *vb_session_data(const struct vb_session *session)
{
	return ((const struct vbi_binding *)session)->session_data;
}

struct vb_identity vb_session_identity(const struct vb_session *session)
{
	return ((const struct vbi_binding *)session)->identity;
}
