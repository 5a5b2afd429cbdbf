/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server as the rest of the runtime sees it.
 */
#ifndef VBI_SERVER_H
#define VBI_SERVER_H

#include <stdbool.h>

#include <verbena/verbena.h>

struct vb_conn;
struct vbi_cause;
struct vbi_endpoint;
struct vbi_service;

/* What it serves, newest first. */
struct vbi_service *vbi_server_services(const struct vb_server *server);

/* Adds a service. -ENOSPC: the hello could not name them all. */
int vbi_server_add_service(struct vb_server *server, struct vbi_service *service);

bool vbi_server_is_running(const struct vb_server *server);
struct vb_error *vbi_server_error(struct vb_server *server);

/* A client wants to connect; LISTENER_OWNER is the server. 0, or a negative errno to refuse. */
int vbi_server_accepted(void *listener_owner, struct vbi_endpoint *endpoint);

/*
 * CONN's client has said hello: asks on_accept(). 0, or the negative errno to refuse it with, whose
 * sentence is CONN's error.
 */
int vbi_server_admit(struct vb_conn *conn);

/* The transport has turned a client away; LISTENER_OWNER is the server. Logs CAUSE. */
void vbi_server_refused(void *listener_owner, const struct vbi_cause *cause);

/* The connection is being freed. */
void vbi_server_forget(struct vb_server *server, struct vb_conn *conn);

#endif
