/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/shm/address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "transport/cause.h"

/* Where servers of the system listen; a user's own are in $XDG_RUNTIME_DIR. */
#define SYSTEM_DIRECTORY "/run/verbena"

static bool name_valid(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";

	/* A leading '.' would hide the socket. */
	return name[0] && name[0] != '.' && !name[strspn(name, allowed)];
}

static bool path_set(struct shm_address *address, const char *directory, const char *name,
		     const char *suffix)
{
	struct sockaddr_un *path = &address->paths[address->n_paths];
	int length;

	path->sun_family = AF_UNIX;
	length = snprintf(path->sun_path, sizeof(path->sun_path), "%s%s%s%s", directory,
			  *directory ? "/" : "", name, suffix);
	if (length < 0 || (size_t)length >= sizeof(path->sun_path))
		return false;
	address->n_paths++;
	return true;
}

static int too_long(const char *rest, struct vbi_cause *ret_cause)
{
	return vbi_cause_set(ret_cause, ENAMETOOLONG,
			     "shm://%.80s: the socket's path would be longer than %zu bytes, which "
			     "is the system's limit; choose a shorter name",
			     rest, sizeof(((struct sockaddr_un *)0)->sun_path) - 1);
}

int shm_address_parse(const char *rest, struct shm_address *ret_address,
		      struct vbi_cause *ret_cause)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct shm_address address = {0};
	char own[sizeof(address.directory)];
	int length;

	if (rest[0] == '/') {
		if (!path_set(&address, "", rest, ""))
			return too_long(rest, ret_cause);
		*ret_address = address;
		return 0;
	}
	if (!name_valid(rest))
		return vbi_cause_set(ret_cause, EINVAL,
				     "shm://%.80s: not an address; after shm:// comes one word of "
				     "letters, digits, '.', '-' and '_', or an absolute path",
				     rest);
	/* The specification of XDG_RUNTIME_DIR says to ignore a relative one. */
	if (runtime && runtime[0] == '/') {
		length = snprintf(own, sizeof(own), "%s/verbena", runtime);
		if (length < 0 || (size_t)length >= sizeof(own) ||
		    !path_set(&address, own, rest, ".sock"))
			return too_long(rest, ret_cause);
		memcpy(address.directory, own, sizeof(own));
	} else {
		memcpy(address.directory, SYSTEM_DIRECTORY, sizeof(SYSTEM_DIRECTORY));
	}
	if (!path_set(&address, SYSTEM_DIRECTORY, rest, ".sock"))
		return too_long(rest, ret_cause);
	*ret_address = address;
	return 0;
}
