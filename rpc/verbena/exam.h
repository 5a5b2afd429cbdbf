/* SPDX-License-Identifier: Apache-2.0 */
/* What `verbena doctor` has found out, before anybody judges it. One thread. */
#ifndef VERBENA_EXAM_H
#define VERBENA_EXAM_H

#include "transport/survey/survey.h"

/* Addresses of this host that are resolved and called; a host with more has these tried. */
#define EXAM_PICKS_MAX 8

/* Each of those called, and a server there connected to; one of shm, and one that was asked for. */
#define EXAM_TRIALS_MAX (2 * EXAM_PICKS_MAX + 2)

/* An address with its scheme: a name of 128 bytes, brackets, a port. */
#define EXAM_ADDRESS 160

/* "rdma://", "shm://": what an address begins with, and goes on from. */
bool exam_address_is_rdma(const char *address);
bool exam_address_is_shm(const char *address);

/* A call, or only a connect, that was tried through the public interface. */
struct trial {
	char address[EXAM_ADDRESS];
	char device[VBI_SURVEY_NAME]; /* that the address picks; "" for shm */
	bool is_call;		      /* false: connected, and no more, to somebody's server */
	int errnum;		      /* 0: it worked */
	char step[VBI_SURVEY_NAME];   /* "listen", "connect", "bind", "call" that failed */
	char sentence[448];	      /* the library's, as long as vb_error has it */
	uint64_t round_trip_ns;	      /* median, 32 bytes; 0: no call */
	uint64_t bulk_ns;	      /* 1 MiB there and back; 0: no call */
};

struct exam {
	struct vbi_survey survey;
	bool library_has_rdma;	  /* the library at hand knows rdma:// */
	char asked[EXAM_ADDRESS]; /* the ADDRESS of the command line; "" without one */
	struct vbi_survey_pick picks[EXAM_PICKS_MAX];
	size_t n_picks;
	struct trial trials[EXAM_TRIALS_MAX];
	size_t n_trials;
};

#endif
