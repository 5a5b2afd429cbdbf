/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/hello.h"

#include <errno.h>
#include <string.h>

#include "transport/cause.h"

void verbs_hello_make(struct verbs_hello *hello, uint32_t message_max, uint32_t receives,
		      uint32_t features, int errnum)
{
	*hello = (struct verbs_hello){
		.magic = VERBS_MAGIC,
		.version = VERBS_VERSION,
		.length = sizeof(*hello),
		.message_max = message_max,
		.receives = (uint16_t)(receives < UINT16_MAX ? receives : UINT16_MAX),
		.errnum = (uint16_t)errnum,
		.features = features,
	};
}

int verbs_hello_read(const void *data, size_t length, const char *who, struct verbs_hello *ret,
		     struct vbi_cause *ret_cause)
{
	struct verbs_hello hello = {0};

	if (data && length >= sizeof(hello))
		memcpy(&hello, data, sizeof(hello));
	if (hello.magic != VERBS_MAGIC || hello.length < sizeof(hello))
		return vbi_cause_set(ret_cause, EPROTO,
				     "%s speaks RDMA, but is no Verbena peer: is the port right?",
				     who);
	if (hello.version != VERBS_VERSION)
		return vbi_cause_set(ret_cause, EPROTONOSUPPORT,
				     "%s speaks version %u of the verbs transport and this library "
				     "version %u: update the older side",
				     who, hello.version, VERBS_VERSION);
	if (hello.message_max < VBI_MESSAGE_MIN || hello.message_max > VBI_MESSAGE_MAX)
		return vbi_cause_set(ret_cause, EPROTO,
				     "%s says that its largest message has %u bytes; it must be "
				     "%u to %u",
				     who, hello.message_max, VBI_MESSAGE_MIN, VBI_MESSAGE_MAX);
	/* The first message to it would be sent again for ever. */
	if (!hello.receives)
		return vbi_cause_set(ret_cause, EPROTO,
				     "%s says that it has no receives: it could take no message",
				     who);
	*ret = hello;
	return 0;
}
