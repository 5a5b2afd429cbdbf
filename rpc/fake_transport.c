/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/fake_transport.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

uint64_t fake_now_ns = 1000000000;
uint64_t fake_poll_ns;
int fake_in_hand;
int fake_in_hand_most;
void (*fake_on_poll)(void);

static uint64_t fake_clock(void)
{
	return fake_now_ns;
}

static struct fake_endpoint *endpoint_of(struct vbi_endpoint *base)
{
	return (struct fake_endpoint *)base;
}

/* ---- Domain ---- */

static void domain_close(struct vbi_domain *base)
{
	struct fake_domain *domain = (struct fake_domain *)base;

	for (unsigned i = 0; i < domain->n_endpoints; i++)
		free(domain->endpoints[i]);
	free(domain);
}

/* A message, in the list of those that its endpoint has given out. */
struct slot {
	struct vbi_message base;
	struct slot *next, *prev;
};

static struct vbi_message *make_message(struct fake_endpoint *endpoint)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		abort();
	slot->base.data = aligned_alloc(64, FAKE_MESSAGE_MAX);
	if (!slot->base.data)
		abort();
	memset(slot->base.data, 0, FAKE_MESSAGE_MAX);
	slot->base.capacity = FAKE_MESSAGE_MAX;
	DL_APPEND(endpoint->slots, slot);
	return &slot->base;
}

static void free_message(struct fake_endpoint *endpoint, struct vbi_message *message)
{
	struct slot *slot = (struct slot *)message;

	DL_DELETE(endpoint->slots, slot);
	free(slot->base.data);
	free(slot);
}

static int deliver_all(struct fake_endpoint *endpoint)
{
	const struct vbi_cause cause = {
		endpoint->break_errnum ? endpoint->break_errnum : ECONNRESET,
		"the fake connection broke",
	};
	int n = 0;

	for (unsigned i = 0; i < endpoint->n_inbox && !endpoint->closed; i++, n++) {
		struct vbi_message *message = make_message(endpoint);

		memcpy(message->data, &endpoint->inbox[i], sizeof(endpoint->inbox[i]));
		message->length = endpoint->inbox[i].header.length;
		vbi_conn_events.received(endpoint->base.owner, message);
	}
	endpoint->n_inbox = 0;
	if (endpoint->breaks && !endpoint->closed) {
		endpoint->breaks = false;
		n++;
		vbi_conn_events.failed(endpoint->base.owner, &cause);
	}
	return n;
}

static int poll(struct vbi_domain *base)
{
	struct fake_domain *domain = (struct fake_domain *)base;
	int n = 0;

	fake_now_ns += fake_poll_ns;
	if (fake_on_poll)
		fake_on_poll();
	for (unsigned i = 0; i < domain->n_endpoints; i++)
		n += deliver_all(domain->endpoints[i]);
	return n;
}

static int arm(struct vbi_domain *base)
{
	(void)base;
	return 0;
}

static int sleep_on(struct vbi_domain *base, uint64_t timeout_ns)
{
	(void)base;
	if (timeout_ns != UINT64_MAX)
		fake_now_ns += timeout_ns;
	return 0;
}

static uint64_t next_timeout(const struct vbi_domain *base)
{
	(void)base;
	return UINT64_MAX;
}

static bool spin_pays(const struct vbi_domain *base)
{
	(void)base;
	return false;
}

/* ---- Messages ---- */

static void close_endpoint(struct vbi_endpoint *base)
{
	struct fake_endpoint *endpoint = endpoint_of(base);

	endpoint->closed = true;
	while (endpoint->n_transfers)
		fake_finish_transfer(endpoint, -ECONNRESET);
	/* What is still out is gone: a sanitizer sees who uses it. */
	while (endpoint->slots)
		free_message(endpoint, &endpoint->slots->base);
}

static struct vbi_message *message_get(struct vbi_endpoint *base)
{
	return endpoint_of(base)->has_no_messages ? NULL : make_message(endpoint_of(base));
}

static void prepare(struct vbi_endpoint *base)
{
	(void)base;
}

static void message_put(struct vbi_endpoint *base, struct vbi_message *message)
{
	free_message(endpoint_of(base), message);
}

static uint8_t note(struct fake_endpoint *endpoint, bool is_release,
		    const struct vbi_message *message)
{
	uint8_t kind = ((const struct vbi_header *)message->data)->kind;

	if (endpoint->n_deeds < FAKE_QUEUE)
		endpoint->deeds[endpoint->n_deeds++] = (struct fake_deed){is_release, kind};
	return kind;
}

static void release(struct vbi_endpoint *base, struct vbi_message *message)
{
	struct fake_endpoint *endpoint = endpoint_of(base);

	if (note(endpoint, true, message) == VBI_KIND_REQUEST)
		fake_in_hand--;
	free_message(endpoint, message);
}

static void send_message(struct vbi_endpoint *base, struct vbi_message *message, uint32_t length,
			 bool more)
{
	struct fake_endpoint *endpoint = endpoint_of(base);
	uint8_t kind;

	(void)length;
	(void)more;
	if (endpoint->n_sent == FAKE_QUEUE)
		abort();
	memcpy(&endpoint->sent[endpoint->n_sent++], message->data, sizeof(endpoint->sent[0]));
	kind = note(endpoint, false, message);
	if (kind == VBI_KIND_REPLY || kind == VBI_KIND_FAILURE)
		fake_in_hand++;
	if (fake_in_hand > fake_in_hand_most)
		fake_in_hand_most = fake_in_hand;
	free_message(endpoint, message);
}

static void flush(struct vbi_endpoint *base)
{
	(void)base;
}

/* ---- One-sided ---- */

/* It has none. */
static void *memory_alloc(struct vbi_endpoint *base, size_t size,
			  const struct vb_memory_options *options)
{
	(void)base;
	(void)size;
	(void)options;
	return NULL;
}

static int expose(struct vbi_endpoint *base, struct vbi_exposure *exposure)
{
	if (endpoint_of(base)->expose_answer)
		return endpoint_of(base)->expose_answer;
	exposure->n_records = 1;
	exposure->records[0] = (struct vbi_record){.length = exposure->length};
	return 0;
}

static int revoke(struct vbi_endpoint *base, struct vbi_exposure *exposure, enum vbi_revoke how)
{
	struct fake_endpoint *endpoint = endpoint_of(base);

	(void)exposure;
	endpoint->revoked[endpoint->n_revoked++] = how;
	return endpoint->revoke_answer;
}

static void *region_alloc(struct vbi_domain *base, size_t size)
{
	(void)base;
	return aligned_alloc(4096, size);
}

static void region_free(struct vbi_domain *base, void *region, size_t size)
{
	(void)base;
	(void)size;
	free(region);
}

static int move(struct fake_endpoint *endpoint, struct vbi_transfer *transfer, int answer)
{
	if (answer < 0)
		return answer;
	if (endpoint->n_transfers == FAKE_QUEUE)
		abort();
	endpoint->transfers[endpoint->n_transfers++] = transfer;
	return answer;
}

static int pull(struct vbi_endpoint *base, struct vbi_transfer *transfer)
{
	return move(endpoint_of(base), transfer, endpoint_of(base)->pull_answer);
}

static int push(struct vbi_endpoint *base, struct vbi_transfer *transfer)
{
	struct fake_endpoint *endpoint = endpoint_of(base);
	int answer = endpoint->push_answer;

	if (endpoint->n_push_answers) {
		answer = endpoint->push_answers[0];
		endpoint->push_answers[0] = endpoint->push_answers[1];
		endpoint->n_push_answers--;
	}
	return move(endpoint, transfer, answer);
}

static void *map(struct vbi_endpoint *base, const struct vbi_record *record, unsigned rights)
{
	(void)base;
	(void)record;
	(void)rights;
	return NULL;
}

static void end_with(struct vbi_endpoint *base, struct vbi_message *message,
		     const struct vbi_record *record)
{
	(void)base;
	(void)message;
	(void)record;
}

/* What no test uses is not there: a call of it is a fault of the test. */
const struct vbi_transport fake_transport = {
	.scheme = "fake",
	.polls_untimed = 200,
	.domain_close = domain_close,
	.poll = poll,
	.arm = arm,
	.sleep = sleep_on,
	.next_timeout = next_timeout,
	.spin_pays = spin_pays,
	.close = close_endpoint,
	.message_get = message_get,
	.prepare = prepare,
	.end_with = end_with,
	.message_put = message_put,
	.send = send_message,
	.flush = flush,
	.release = release,
	.expose = expose,
	.revoke = revoke,
	.memory_alloc = memory_alloc,
	.region_alloc = region_alloc,
	.region_free = region_free,
	.pull = pull,
	.push = push,
	.map = map,
};

/* ---- For tests ---- */

struct fake_domain *fake_domain_new(struct vbi_worker *worker)
{
	struct fake_domain *domain = calloc(1, sizeof(*domain));

	if (!domain)
		abort();
	domain->base.ops = &fake_transport;
	domain->base.events = &vbi_conn_events;
	domain->base.stats = &worker->stats;
	domain->base.message_max = FAKE_MESSAGE_MAX;
	worker->domains[worker->n_domains++] = &domain->base;
	worker->clock = fake_clock;
	worker->now = fake_now_ns;
	return domain;
}

struct fake_endpoint *fake_endpoint_new(struct fake_domain *domain)
{
	struct fake_endpoint *endpoint = calloc(1, sizeof(*endpoint));

	if (!endpoint)
		abort();
	endpoint->base.ops = &fake_transport;
	endpoint->base.limits.send_max = FAKE_MESSAGE_MAX;
	endpoint->base.limits.receive_max = FAKE_MESSAGE_MAX;
	domain->endpoints[domain->n_endpoints++] = endpoint;
	return endpoint;
}

struct fake_message fake_message(enum vbi_kind kind)
{
	struct fake_message message;

	memset(&message, 0, sizeof(message));
	message.header.kind = (uint8_t)kind;
	return message;
}

void fake_deliver(struct fake_endpoint *endpoint, struct fake_message message, uint32_t length)
{
	if (endpoint->n_inbox == FAKE_QUEUE)
		abort();
	message.header.length = length;
	endpoint->inbox[endpoint->n_inbox++] = message;
}

const struct fake_message *fake_sent(const struct fake_endpoint *endpoint, unsigned n)
{
	return n < endpoint->n_sent ? &endpoint->sent[n] : NULL;
}

void fake_finish_transfer(struct fake_endpoint *endpoint, int status)
{
	struct vbi_transfer *transfer = endpoint->transfers[0];

	endpoint->n_transfers--;
	memmove(&endpoint->transfers[0], &endpoint->transfers[1],
		endpoint->n_transfers * sizeof(endpoint->transfers[0]));
	transfer->done(transfer, status);
}
