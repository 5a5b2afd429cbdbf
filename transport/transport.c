/* SPDX-License-Identifier: Apache-2.0 */
/* Which transport an address belongs to, and how a transport says why it failed. */
#include "transport/transport.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transport/cause.h"

static const struct vbi_transport *const transports[] = {
	&vbi_shm,
#ifdef VBI_HAVE_VERBS
	&vbi_verbs,
#endif
};

const struct vbi_transport *vbi_transport_find(const char *address, const char **ret_rest)
{
	const char *mark = strstr(address, "://");

	if (!mark)
		return NULL;
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++) {
		const char *scheme = transports[i]->scheme;
		size_t length = strlen(scheme);

		if (length == (size_t)(mark - address) && !memcmp(scheme, address, length)) {
			*ret_rest = mark + strlen("://");
			return transports[i];
		}
	}
	return NULL;
}

bool vbi_transport_memory_free(void *memory)
{
	for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
		if (transports[i]->memory_free(memory))
			return true;
	return false;
}

int vbi_cause_set(struct vbi_cause *cause, int errnum, const char *format, ...)
{
	int saved = errno;
	va_list arguments;

	cause->errnum = errnum;
	va_start(arguments, format);
	vsnprintf(cause->sentence, sizeof(cause->sentence), format, arguments);
	va_end(arguments);
	errno = saved;
	return -errnum;
}

const char *vbi_errno_text(int errnum)
{
	const char *text = strerrordesc_np(errnum);

	return text ? text : "unknown error";
}
