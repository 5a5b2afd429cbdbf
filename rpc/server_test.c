/* SPDX-License-Identifier: Apache-2.0 */
/* Who is let in: a server on a transport that moves what the test moves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/fake_transport.h"
#include "rpc/packed.h"
#include "rpc/server.h"

struct fake_ops {
	size_t size;
	int (*bound)(struct vb_session *session, void *data);
};

static unsigned n_bound;

static int count_bound(struct vb_session *session, void *data)
{
	(void)session;
	(void)data;
	n_bound++;
	return 0;
}

static const struct vb_interface interface = {
	.size = sizeof(struct vb_interface),
	.name = "fake",
	.id = 77,
	.major = 1,
	.message_max = FAKE_MESSAGE_MAX,
};

static const struct vb_service service = {
	.size = sizeof(struct vb_service),
	.interface = &interface,
	.ops_size = sizeof(struct fake_ops),
	.bound = offsetof(struct fake_ops, bound),
	.gone = sizeof(struct fake_ops),
};

static const struct fake_ops ops = {sizeof(ops), count_bound};

/* What the application answers, and what it was told. */
struct verdict {
	int result;
	int errnum;
	unsigned n_asked;
	struct vb_client client;
	char address[80];
};

static int on_accept(const struct vb_client *client, void *data)
{
	struct verdict *verdict = data;

	verdict->n_asked++;
	verdict->client = *client;
	snprintf(verdict->address, sizeof(verdict->address), "%s", client->address);
	/* Not what an earlier function of the library has left there. */
	assert_int_equal(errno, 0);
	errno = verdict->errnum;
	return verdict->result;
}

static struct vb_server *server;
static struct fake_endpoint *endpoint;

/* A client has connected, and has yet to say hello. */
static struct vbi_worker *begin(struct verdict *verdict)
{
	struct vb_server_options options = VB_SERVER_OPTIONS_INIT;
	struct fake_domain *domain = calloc(1, sizeof(*domain));
	struct vbi_worker *worker;

	n_bound = 0;
	fake_on_poll = NULL;
	if (verdict) {
		options.on_accept = on_accept;
		options.on_accept_data = verdict;
	}
	server = vb_server_create(&options);
	assert_non_null(server);
	assert_int_equal(vb_stub_serve(server, &service, &ops, NULL), 0);
	endpoint = fake_endpoint_new(domain);
	endpoint->base.identity = (struct vb_identity){.uid = 1000, .gid = 100, .pid = 12};
	snprintf(endpoint->base.peer, sizeof(endpoint->base.peer), "pid 12 uid 1000");
	assert_int_equal(vbi_server_accepted(server, &endpoint->base), 0);
	worker = ((struct vb_conn *)endpoint->base.owner)->worker;
	free(domain);
	domain = fake_domain_new(worker);
	domain->endpoints[domain->n_endpoints++] = endpoint;
	return worker;
}

/* Says hello, and binds without waiting for the answer, which is *RET_ANSWER. */
static void greet(struct vbi_worker *worker, struct vbi_packed_hello *ret_answer)
{
	struct vbi_worker client_worker = {.transport_options.message_max = FAKE_MESSAGE_MAX};
	struct vbi_bound bound = {.id = 77, .major = 1};
	struct vb_conn client = {.worker = &client_worker, .n_bound = 1, .bound = &bound};
	struct fake_message message = fake_message(VBI_KIND_CONTROL);
	const struct fake_message *answer;
	uint32_t length;

	length = vbi_packed_hello(&client, (uint8_t *)&message, sizeof(message), 0, NULL);
	fake_deliver(endpoint, message, length);
	message = fake_message(VBI_KIND_CONTROL);
	length = vbi_packed_binds(&client, (uint8_t *)&message, sizeof(message));
	fake_deliver(endpoint, message, length);
	errno = EXDEV;
	vbi_worker_poll(worker);
	answer = fake_sent(endpoint, 0);
	assert_non_null(answer);
	assert_int_equal(vbi_packed_hello_parse((const uint8_t *)answer, answer->header.length,
						NULL, ret_answer),
			 0);
}

static void assert_counts(uint64_t accepted, uint64_t refused, uint64_t protocol_errors)
{
	struct vb_stats stats = VB_STATS_INIT;

	assert_int_equal(vb_server_stats(server, &stats), 0);
	assert_int_equal(stats.connections_accepted, accepted);
	assert_int_equal(stats.connections_refused, refused);
	assert_int_equal(stats.protocol_errors, protocol_errors);
}

static void assert_let_in(struct verdict *verdict)
{
	struct vbi_packed_hello answer;

	greet(begin(verdict), &answer);
	assert_int_equal(answer.errnum, 0);
	assert_false(endpoint->closed);
	assert_int_equal(n_bound, 1);
	assert_counts(1, 0, 0);
	vb_server_free(server);
}

static void assert_refused(struct verdict *verdict, int errnum)
{
	struct vbi_packed_hello answer;

	greet(begin(verdict), &answer);
	assert_int_equal(verdict->n_asked, 1);
	assert_int_equal(answer.errnum, errnum);
	assert_non_null(strstr(answer.refusal, "on_accept() refuses client pid 12 uid 1000 with "));
	assert_non_null(strstr(answer.refusal, strerrorname_np(errnum)));
	assert_true(endpoint->closed);
	assert_int_equal(endpoint->n_sent, 1);
	assert_int_equal(n_bound, 0);
	assert_counts(0, 1, 0);
	vb_server_free(server);
}

static void without_a_callback_all_are_let_in(void **state)
{
	(void)state;
	assert_let_in(NULL);
}

static void the_callback_is_told_who_asks(void **state)
{
	struct verdict verdict = {.errnum = EPERM}; /* of something else: 0 was returned */

	(void)state;
	assert_let_in(&verdict);
	assert_int_equal(verdict.n_asked, 1);
	assert_int_equal(verdict.client.size, sizeof(struct vb_client));
	assert_int_equal(verdict.client.identity.uid, 1000);
	assert_int_equal(verdict.client.identity.gid, 100);
	assert_int_equal(verdict.client.identity.pid, 12);
	assert_string_equal(verdict.address, "pid 12 uid 1000");
}

static void who_is_refused_hears_the_errno(void **state)
{
	(void)state;
	assert_refused(&(struct verdict){.result = -1, .errnum = EPERM}, EPERM);
	assert_refused(&(struct verdict){.result = -1, .errnum = EHWPOISON}, EHWPOISON);
}

static void a_refusal_that_makes_no_sense_is_one(void **state)
{
	(void)state;
	assert_refused(&(struct verdict){.result = -1, .errnum = 0}, EACCES);
	assert_refused(&(struct verdict){.result = -1, .errnum = -EPERM}, EACCES);
	assert_refused(&(struct verdict){.result = -1, .errnum = 4096}, EACCES);
	assert_refused(&(struct verdict){.result = -1, .errnum = INT32_MIN}, EACCES);
	assert_refused(&(struct verdict){.result = EPERM, .errnum = 0}, EACCES);
	assert_refused(&(struct verdict){.result = -EPERM, .errnum = EDQUOT}, EDQUOT);
}

/* It is asked about clients of this protocol only. */
static void a_hello_that_is_none_is_not_asked_about(void **state)
{
	struct verdict verdict = {.result = 0};
	struct vbi_worker *worker = begin(&verdict);

	(void)state;
	fake_deliver(endpoint, fake_message(VBI_KIND_CONTROL), VB_HEADER_SIZE);
	vbi_worker_poll(worker);
	assert_true(endpoint->closed);
	assert_int_equal(verdict.n_asked, 0);
	assert_counts(0, 1, 1);
	vb_server_free(server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_callback_all_are_let_in),
		cmocka_unit_test(the_callback_is_told_who_asks),
		cmocka_unit_test(who_is_refused_hears_the_errno),
		cmocka_unit_test(a_refusal_that_makes_no_sense_is_one),
		cmocka_unit_test(a_hello_that_is_none_is_not_asked_about),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
