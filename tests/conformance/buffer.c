/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/conformance/buffer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Bytes before and behind a buffer that must stay as they are. */
#define GUARD 64u

struct buffer buffer_make(struct client *client, enum place place, uint64_t length)
{
	struct buffer buffer = {.place = place, .length = length};
	uint64_t whole = length + 2 * GUARD;

	buffer.whole = place == PLACE_HEAP
			       ? malloc(whole)
			       : client->fixture->ops->memory_alloc(client->endpoint, whole, NULL);
	assert_non_null(buffer.whole);
	memset(buffer.whole, 0x5a, whole);
	buffer.bytes = buffer.whole + GUARD;
	return buffer;
}

void buffer_free(struct client *client, struct buffer *buffer)
{
	for (unsigned i = 0; i < GUARD; i++) {
		assert_int_equal(buffer->whole[i], 0x5a);
		assert_int_equal(buffer->bytes[buffer->length + i], 0x5a);
	}
	if (buffer->place == PLACE_HEAP)
		free(buffer->whole);
	else
		assert_true(client->fixture->ops->memory_free(buffer->whole));
}

void fill(uint8_t *bytes, uint64_t length, uint64_t seed)
{
	for (uint64_t i = 0; i < length; i++)
		bytes[i] = pattern(seed, i);
}

void expose(struct client *client, struct vbi_exposure *exposure, void *bytes, uint64_t length,
	    unsigned rights)
{
	*exposure = (struct vbi_exposure){.address = bytes, .length = length, .rights = rights};
	assert_int_equal(client->fixture->ops->expose(client->endpoint, exposure), 0);
	assert_int_equal(exposure->n_records, 1);
	assert_true(exposure->records[0].length == length);
}

static unsigned n_revoked;

static void count_revoked(struct vbi_exposure *exposure)
{
	(void)exposure;
	n_revoked++;
}

void take_back(struct client *client, struct vbi_exposure *exposure, enum vbi_revoke how)
{
	unsigned before = n_revoked;
	int status;

	exposure->revoked = count_revoked;
	status = client->fixture->ops->revoke(client->endpoint, exposure, how);
	if (status == -EINPROGRESS)
		turn_until(client->fixture, &n_revoked, before + 1);
	else
		assert_int_equal(status, 0);
}

void check_filled(const uint8_t *bytes, uint64_t length, uint64_t seed)
{
	for (uint64_t at = 0; at < length; at++)
		if (bytes[at] != pattern(seed, at))
			fail_msg("size %llu: byte %llu is wrong", (unsigned long long)length,
				 (unsigned long long)at);
}

void check_inverted(const struct buffer *buffer, uint64_t seed)
{
	for (uint64_t at = 0; at < buffer->length; at++)
		if ((buffer->bytes[at] ^ pattern(seed, at)) != 0xff)
			fail_msg("size %llu: byte %llu is wrong",
				 (unsigned long long)buffer->length, (unsigned long long)at);
}

int64_t status_of(struct client *client, enum command command, const struct vbi_record *record)
{
	return (int64_t)client_call(client, command, 7, 100, record)->argument;
}
