// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as the root and heap of a request or of an answer, for generated code of random
 * interfaces: refused, or accepted and written again as the same bytes.
 *
 * The first bytes choose who talks to whom (2 bits), the direction, the method and the arguments of
 * the call that is answered; the message follows at offset 8.
 */
#include "rt.h"
#include "tests/fuzz/fuzz.h"

#define CHOICES 8u

extern const struct rt_side new_side;
extern const struct rt_side old_side;

static const struct rt_method *method_of(const struct rt_side *side, uint16_t number)
{
	for (size_t i = 0; i < side->n_methods; i++)
		if (side->methods[i].number == number)
			return &side->methods[i];
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) uint8_t message[LOOPBACK_MESSAGE_MAX];
	struct vb_conn conn;
	struct vb_server end = {&conn};

	if (size < CHOICES || size - CHOICES > LOOPBACK_MESSAGE_MAX - VB_HEADER_SIZE)
		return 0;
	const struct rt_side *const client = data[0] & 1 ? &old_side : &new_side;
	const struct rt_side *const server = data[0] & 2 ? &old_side : &new_side;
	const struct rt_method *const method = &client->methods[data[2] % client->n_methods];
	/* The lengths of messages are multiples of 8: the library sees to that. */
	const uint32_t length = VB_HEADER_SIZE + (uint32_t)((size - CHOICES) & ~(size_t)7);
	memcpy(message + VB_HEADER_SIZE, data + CHOICES, length - VB_HEADER_SIZE);
	loopback_init(&conn);
	server->serve(&end);
	struct vb_peer *const peer = client->bind(&conn);
	rt.agreed = peer->minor;
	rt.seed = data[3];
	if (!(data[1] & 1))
		rt_try_request(&conn, method->number, message, length);
	else if (!method->is_oneway && method_of(server, method->number) &&
		 method->since <= rt.agreed)
		rt_try_answer(client, peer, method, message, length);
	vb_stub_unbind(peer);
	return 0;
}
