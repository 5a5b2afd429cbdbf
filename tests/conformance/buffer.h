/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of the cases of bulk, with guards around them. */
#ifndef CONFORMANCE_BUFFER_H
#define CONFORMANCE_BUFFER_H

#include "tests/conformance/conformance.h"

/* Large enough to be registered for its call, where small buffers are copied instead. */
#define REGISTERED (1u << 20)

enum place { PLACE_HEAP, PLACE_ARENA, N_PLACES };

struct buffer {
	enum place place;
	uint8_t *whole, *bytes;
	uint64_t length;
};

struct buffer buffer_make(struct client *client, enum place place, uint64_t length);
/* Checks the guards. */
void buffer_free(struct client *client, struct buffer *buffer);
/* Fills with pattern(seed). */
void fill(uint8_t *bytes, uint64_t length, uint64_t seed);
/* Fails unless that is what BYTES hold. */
void check_filled(const uint8_t *bytes, uint64_t length, uint64_t seed);
/* Fails unless every bit of pattern(seed) is turned. */
void check_inverted(const struct buffer *buffer, uint64_t seed);
/* In one record. */
void expose(struct client *client, struct vbi_exposure *exposure, void *bytes, uint64_t length,
	    unsigned rights);
/* Waits for its end. */
void take_back(struct client *client, struct vbi_exposure *exposure, enum vbi_revoke how);
/* The status that the service's move of RECORD ends with. */
int64_t status_of(struct client *client, enum command command, const struct vbi_record *record);

#endif
