/* SPDX-License-Identifier: Apache-2.0 */
/* The probe server's part of faulted.h: how many handlers ran, and whether the fault came. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <verbena/stub.h>

#include "tests/faults/faulted.h"

static struct faulted_record *record;

/* Not only at the end: a test may kill its server. */
static void tell(void)
{
	if (record->side == SERVER && record->point >= 0 &&
	    verbs_faults_fired((enum verbs_fault_point)record->point))
		record->came = 1;
}

__attribute__((constructor)) static void open_record(void)
{
	const char *directory = getenv("XDG_RUNTIME_DIR");
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/" FAULTED_FILE, directory ? directory : "");
	fd = open(path, O_RDWR | O_CLOEXEC);
	record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (record == MAP_FAILED) {
		perror(path);
		_exit(2);
	}
	close(fd);
	atexit(tell);
}

/* Before its caller can know. */
static void count(void)
{
	record->ran++;
	tell();
}

/* ld --wrap=F sends calls of F to __wrap_F, and those of __real_F to F. */
void __real_vb_stub_reply_send(struct vb_request *req, uint32_t length);
void __real_vb_stub_fail(struct vb_request *req, int64_t result);
void __real_vb_stub_fail_length(struct vb_request *req);
void __real_vb_stub_oneway_done(struct vb_request *req);

void __wrap_vb_stub_reply_send(struct vb_request *req, uint32_t length);
void __wrap_vb_stub_fail(struct vb_request *req, int64_t result);
void __wrap_vb_stub_fail_length(struct vb_request *req);
void __wrap_vb_stub_oneway_done(struct vb_request *req);

void __wrap_vb_stub_reply_send(struct vb_request *req, uint32_t length)
{
	count();
	__real_vb_stub_reply_send(req, length);
}

void __wrap_vb_stub_fail(struct vb_request *req, int64_t result)
{
	int saved = errno;

	count();
	errno = saved;
	__real_vb_stub_fail(req, result);
}

void __wrap_vb_stub_fail_length(struct vb_request *req)
{
	count();
	__real_vb_stub_fail_length(req);
}

void __wrap_vb_stub_oneway_done(struct vb_request *req)
{
	count();
	__real_vb_stub_oneway_done(req);
}
