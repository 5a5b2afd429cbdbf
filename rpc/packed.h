/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf messages of control.proto, to and from bytes. Parsing uses bounded memory
 * that is freed before the call returns: a hostile hello costs nothing that lasts.
 */
#ifndef VBI_PACKED_H
#define VBI_PACKED_H

#include <stdbool.h>
#include <stdint.h>

#include "rpc/conn.h"

struct vbi_packed_hello {
	uint32_t protocol;
	uint32_t message_max;
	uint32_t credits;
	uint32_t errnum;
	bool extra_round;
	char refusal[256];
};

struct vbi_packed_bind {
	uint32_t index;
	uint32_t major;
	uint32_t minor;
	uint64_t id;
};

struct vbi_packed_binds {
	uint32_t n;
	struct vbi_packed_bind binds[VBI_BINDINGS_MAX];
};

/*
 * Writes a hello behind the header place of DATA (SIZE bytes). Returns the message's length, a
 * multiple of 8; 0: it does not fit.
 */
uint32_t vbi_packed_hello(const struct vb_conn *conn, uint8_t *data, uint32_t size, int errnum,
			  const char *refusal);

/* Reads one. CONN (may be NULL) gets the offered interfaces and the software's name. -EPROTO,
 * -ENOMEM. */
int vbi_packed_hello_parse(const uint8_t *data, uint32_t length, struct vb_conn *conn,
			   struct vbi_packed_hello *ret_hello);

/* Writes the binds that the peer has not been told of, as many as fit, and marks them as told. */
uint32_t vbi_packed_binds(struct vb_conn *conn, uint8_t *data, uint32_t size);
int vbi_packed_binds_parse(const uint8_t *data, uint32_t length,
			   struct vbi_packed_binds *ret_binds);

#endif
