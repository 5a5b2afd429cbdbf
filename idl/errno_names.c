// SPDX-License-Identifier: Apache-2.0
#include "idl/errno_names.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/*
 * Numbers are written out, because they travel: what a peer means by 2 must not depend on the
 * machine that this was compiled on. The assertions below hold where the compiler's own host
 * agrees, which is every architecture we support.
 */
static const struct idl_errno_name names[] = {
	{.name = "EPERM", .number = 1},
	{.name = "ENOENT", .number = 2},
	{.name = "ESRCH", .number = 3},
	{.name = "EINTR", .number = 4},
	{.name = "EIO", .number = 5},
	{.name = "ENXIO", .number = 6},
	{.name = "E2BIG", .number = 7},
	{.name = "ENOEXEC", .number = 8},
	{.name = "EBADF", .number = 9},
	{.name = "ECHILD", .number = 10},
	{.name = "EAGAIN", .number = 11},
	{.name = "EWOULDBLOCK", .number = 11, .same = "EAGAIN"},
	{.name = "ENOMEM", .number = 12},
	{.name = "EACCES", .number = 13},
	{.name = "EFAULT", .number = 14},
	{.name = "ENOTBLK", .number = 15},
	{.name = "EBUSY", .number = 16},
	{.name = "EEXIST", .number = 17},
	{.name = "EXDEV", .number = 18},
	{.name = "ENODEV", .number = 19},
	{.name = "ENOTDIR", .number = 20},
	{.name = "EISDIR", .number = 21},
	{.name = "EINVAL", .number = 22},
	{.name = "ENFILE", .number = 23},
	{.name = "EMFILE", .number = 24},
	{.name = "ENOTTY", .number = 25},
	{.name = "ETXTBSY", .number = 26},
	{.name = "EFBIG", .number = 27},
	{.name = "ENOSPC", .number = 28},
	{.name = "ESPIPE", .number = 29},
	{.name = "EROFS", .number = 30},
	{.name = "EMLINK", .number = 31},
	{.name = "EPIPE", .number = 32},
	{.name = "EDOM", .number = 33},
	{.name = "ERANGE", .number = 34},
	{.name = "EDEADLK", .number = 35},
	{.name = "EDEADLOCK", .number = 35, .same = "EDEADLK"},
	{.name = "ENAMETOOLONG", .number = 36},
	{.name = "ENOLCK", .number = 37},
	{.name = "ENOSYS", .number = 38},
	{.name = "ENOTEMPTY", .number = 39},
	{.name = "ELOOP", .number = 40},
	{.name = "ENOMSG", .number = 42},
	{.name = "EIDRM", .number = 43},
	{.name = "ECHRNG", .number = 44},
	{.name = "EL2NSYNC", .number = 45},
	{.name = "EL3HLT", .number = 46},
	{.name = "EL3RST", .number = 47},
	{.name = "ELNRNG", .number = 48},
	{.name = "EUNATCH", .number = 49},
	{.name = "ENOCSI", .number = 50},
	{.name = "EL2HLT", .number = 51},
	{.name = "EBADE", .number = 52},
	{.name = "EBADR", .number = 53},
	{.name = "EXFULL", .number = 54},
	{.name = "ENOANO", .number = 55},
	{.name = "EBADRQC", .number = 56},
	{.name = "EBADSLT", .number = 57},
	{.name = "EBFONT", .number = 59},
	{.name = "ENOSTR", .number = 60},
	{.name = "ENODATA", .number = 61},
	{.name = "ETIME", .number = 62},
	{.name = "ENOSR", .number = 63},
	{.name = "ENONET", .number = 64},
	{.name = "ENOPKG", .number = 65},
	{.name = "EREMOTE", .number = 66},
	{.name = "ENOLINK", .number = 67},
	{.name = "EADV", .number = 68},
	{.name = "ESRMNT", .number = 69},
	{.name = "ECOMM", .number = 70},
	{.name = "EPROTO", .number = 71},
	{.name = "EMULTIHOP", .number = 72},
	{.name = "EDOTDOT", .number = 73},
	{.name = "EBADMSG", .number = 74},
	{.name = "EOVERFLOW", .number = 75},
	{.name = "ENOTUNIQ", .number = 76},
	{.name = "EBADFD", .number = 77},
	{.name = "EREMCHG", .number = 78},
	{.name = "ELIBACC", .number = 79},
	{.name = "ELIBBAD", .number = 80},
	{.name = "ELIBSCN", .number = 81},
	{.name = "ELIBMAX", .number = 82},
	{.name = "ELIBEXEC", .number = 83},
	{.name = "EILSEQ", .number = 84},
	{.name = "ESTRPIPE", .number = 86},
	{.name = "EUSERS", .number = 87},
	{.name = "ENOTSOCK", .number = 88},
	{.name = "EDESTADDRREQ", .number = 89},
	{.name = "EMSGSIZE", .number = 90},
	{.name = "EPROTOTYPE", .number = 91},
	{.name = "ENOPROTOOPT", .number = 92},
	{.name = "EPROTONOSUPPORT", .number = 93},
	{.name = "ESOCKTNOSUPPORT", .number = 94},
	{.name = "EOPNOTSUPP", .number = 95},
	{.name = "ENOTSUP", .number = 95, .same = "EOPNOTSUPP"},
	{.name = "EPFNOSUPPORT", .number = 96},
	{.name = "EAFNOSUPPORT", .number = 97},
	{.name = "EADDRINUSE", .number = 98},
	{.name = "EADDRNOTAVAIL", .number = 99},
	{.name = "ENETDOWN", .number = 100},
	{.name = "ENETUNREACH", .number = 101},
	{.name = "ENETRESET", .number = 102},
	{.name = "ECONNABORTED", .number = 103},
	{.name = "ECONNRESET", .number = 104},
	{.name = "ENOBUFS", .number = 105},
	{.name = "EISCONN", .number = 106},
	{.name = "ENOTCONN", .number = 107},
	{.name = "ESHUTDOWN", .number = 108},
	{.name = "ETOOMANYREFS", .number = 109},
	{.name = "ETIMEDOUT", .number = 110},
	{.name = "ECONNREFUSED", .number = 111},
	{.name = "EHOSTDOWN", .number = 112},
	{.name = "EHOSTUNREACH", .number = 113},
	{.name = "EALREADY", .number = 114},
	{.name = "EINPROGRESS", .number = 115},
	{.name = "ESTALE", .number = 116},
	{.name = "EUCLEAN", .number = 117},
	{.name = "ENOTNAM", .number = 118},
	{.name = "ENAVAIL", .number = 119},
	{.name = "EISNAM", .number = 120},
	{.name = "EREMOTEIO", .number = 121},
	{.name = "EDQUOT", .number = 122},
	{.name = "ENOMEDIUM", .number = 123},
	{.name = "EMEDIUMTYPE", .number = 124},
	{.name = "ECANCELED", .number = 125},
	{.name = "ENOKEY", .number = 126},
	{.name = "EKEYEXPIRED", .number = 127},
	{.name = "EKEYREVOKED", .number = 128},
	{.name = "EKEYREJECTED", .number = 129},
	{.name = "EOWNERDEAD", .number = 130},
	{.name = "ENOTRECOVERABLE", .number = 131},
	{.name = "ERFKILL", .number = 132},
	{.name = "EHWPOISON", .number = 133},
};

static_assert(ENOENT == 2 && EAGAIN == 11 && EDEADLK == 35 && ENAMETOOLONG == 36, "errno");
static_assert(ENOSYS == 38 && EPROTO == 71 && EOVERFLOW == 75 && EMSGSIZE == 90, "errno");
static_assert(EOPNOTSUPP == 95 && ECONNRESET == 104 && ETIMEDOUT == 110, "errno");
static_assert(EREMOTEIO == 121 && ECANCELED == 125 && EHWPOISON == 133, "errno");

const struct idl_errno_name *idl_errno_names(size_t *ret_count)
{
	*ret_count = sizeof(names) / sizeof(names[0]);
	return names;
}

const struct idl_errno_name *idl_errno_find(const char *name)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i].name, name) == 0)
			return &names[i];
	}
	return NULL;
}
