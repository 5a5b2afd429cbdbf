/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include <verbena/verbena.h>

#include "bench/child.h"
#include "bench/subject.h"

/* Whether the library knows the scheme: an address of a transport that it has not is EINVAL, one
 * where nobody listens is not. */
static bool library_has_rdma(void)
{
	static int known; /* 0: not asked yet, 1: yes, -1: no */
	struct vb_options options = VB_OPTIONS_INIT;
	struct vb_conn *conn;

	if (known != 0)
		return known > 0;
	conn = vb_connect("rdma://127.0.0.1:1", &options);
	known = conn || errno != EINVAL ? 1 : -1;
	if (conn)
		vb_conn_close(conn);
	return known > 0;
}

static const char *missing_peer(const struct subject *subject)
{
	char path[PATH_MAX];

	if (child_helper_path(subject->what, path, sizeof(path)) == 0)
		return NULL;
	if (subject->what[sizeof("verbena-bench-") - 1] == 't')
		return "not built: needs rpcgen and libtirpc (Debian: rpcsvc-proto libtirpc-dev), "
		       "then configure again";
	return "not built: needs gRPC (Debian: libgrpc++-dev libprotobuf-dev "
	       "protobuf-compiler-grpc) and -Dbench_grpc=enabled";
}

const char *subject_missing(const struct subject *subject)
{
	switch (subject->kind) {
	case SUBJECT_UCX:
		return child_program_exists("ucx_perftest")
			       ? NULL
			       : "ucx_perftest is not installed (Debian: ucx-utils)";
	case SUBJECT_PERFTEST:
		return child_program_exists(subject->what)
			       ? NULL
			       : "perftest is not installed (Debian: perftest)";
	case SUBJECT_PEER:
		return missing_peer(subject);
	case SUBJECT_FLOOR_RDMA:
#ifndef HAVE_VERBS
		return "built without libibverbs and librdmacm";
#endif
		return NULL;
	case SUBJECT_VERBENA:
		return !subject->rdma || library_has_rdma()
			       ? NULL
			       : "the library is built without verbs (-Dtransports=shm,verbs)";
	case SUBJECT_FLOOR:
	case SUBJECT_ECHO:
		break;
	}
	return NULL;
}
