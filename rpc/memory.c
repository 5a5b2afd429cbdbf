/* SPDX-License-Identifier: Apache-2.0 */
/* The application's memory that a transport knows of. */
#include <errno.h>

#include "rpc/conn.h"
#include "rpc/options.h"
#include "rpc/owner.h"

static int check(const struct vb_conn *conn, size_t size)
{
	if (!conn || size == 0)
		return -EINVAL;
	if (!vbi_owner_is(conn->owner))
		return -EPERM;
	return conn->endpoint && conn->state != VBI_CONN_FAILED ? 0 : -vbi_conn_errno(conn);
}

static int allocate(struct vb_conn *conn, size_t size, const struct vb_memory_options *options,
		    void **ret_memory)
{
	*ret_memory = conn->ops->memory_alloc(conn->endpoint, size, options);
	if (*ret_memory)
		return 0;
	/* A connection that has failed has no memory either. */
	vbi_conn_refused(conn, -ECONNRESET);
	if (conn->state == VBI_CONN_FAILED)
		return -vbi_conn_errno(conn);
	vbi_error_set(&conn->refusal, ENOMEM, "memory",
		      "%zu bytes do not fit what the connection can give out: raise memory_max, "
		      "or free memory",
		      size);
	return -ENOMEM;
}

static int enroll(struct vb_conn *conn, void *address, size_t size)
{
	int error = -EFAULT;

	/* Beyond the end of all addresses nothing is mapped. */
	if (size <= UINTPTR_MAX - (uintptr_t)address)
		error = conn->ops->memory_register(conn->endpoint, address, size);
	if (error == -EFAULT)
		vbi_error_set(&conn->refusal, EFAULT, "memory",
			      "not all of the %zu bytes at %p are mapped", size, address);
	else if (error == -EEXIST)
		vbi_error_set(&conn->refusal, EEXIST, "memory",
			      "part of the %zu bytes at %p is registered already", size, address);
	return error ? vbi_conn_refused(conn, error) : 0;
}

void *vb_memory_alloc(struct vb_conn *conn, size_t size)
{
	void *memory;
	int error = check(conn, size);

	if (!error)
		error = allocate(conn, size, NULL, &memory);
	if (!error)
		return memory;
	errno = -error;
	return NULL;
}

void vb_memory_free(struct vb_conn *conn, void *memory)
{
	(void)conn;
	if (memory && !vbi_transport_memory_free(memory))
		vbi_log("memory: %p is not memory of vb_memory_alloc()", memory);
}

void *vb_memory_register(struct vb_conn *conn, void *address, size_t size,
			 const struct vb_memory_options *options)
{
	struct vb_memory_options chosen;
	int error = check(conn, size);

	if (!error)
		error = vbi_options_memory(options, &chosen, &conn->refusal);
	if (!error && address)
		error = enroll(conn, address, size);
	else if (!error)
		error = allocate(conn, size, &chosen, &address);
	if (!error)
		return address;
	errno = -error;
	return NULL;
}

void vb_memory_unregister(struct vb_conn *conn, void *address)
{
	if (conn && vbi_owner_is(conn->owner) && conn->endpoint)
		conn->ops->memory_unregister(conn->endpoint, address);
}
