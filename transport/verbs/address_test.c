/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/verbs/address.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define N(array) (sizeof(array) / sizeof((array)[0]))

static void places_are_taken_apart(void **state)
{
	static const struct {
		const char *rest, *host, *port;
	} cases[] = {
		{"10.0.0.1:1", "10.0.0.1", "1"},
		{"node-7.rack_2.example:65535", "node-7.rack_2.example", "65535"},
		{"[fd00::1]:4711", "fd00::1", "4711"},
		{"[fe80::1%eth0]:4711", "fe80::1%eth0", "4711"},
		{"*:80", "*", "80"},
		{":80", "", "80"},
		{"h:0080", "h", "80"},
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct verbs_place place;
		struct vbi_cause cause = {0};

		assert_int_equal(verbs_place_parse(cases[i].rest, true, &place, &cause), 0);
		assert_string_equal(place.host, cases[i].host);
		assert_string_equal(place.port, cases[i].port);
	}
}

static void what_is_no_place_is_named(void **state)
{
	static const struct {
		const char *rest, *why;
	} cases[] = {
		{"", "it has no port"},
		{"host", "it has no port"},
		{"host:", "the port is not a number"},
		{"host:http", "the port is not a number"},
		{"host:-1", "the port is not a number"},
		{"host: 1", "the port is not a number"},
		{"host:0", "1 to 65535"},
		{"host:65536", "1 to 65535"},
		{"host:99999999999999999999", "1 to 65535"},
		{"host:1x", "1 to 65535"},
		{"fd00::1:4711", "stands in brackets"},
		{"[fd00::1:4711", "do not close"},
		{"[:1", "do not close"},
		{"a b:1", "character"},
		{"a/b:1", "character"},
		{"h\xc3\xb6:1", "character"},
	};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct verbs_place place;
		struct vbi_cause cause = {0};

		assert_int_equal(verbs_place_parse(cases[i].rest, true, &place, &cause), -EINVAL);
		assert_int_equal(cause.errnum, EINVAL);
		if (!strstr(cause.sentence, cases[i].why))
			fail_msg("'%s': %s", cases[i].rest, cause.sentence);
		assert_non_null(strstr(cause.sentence, "rdma://HOST:PORT"));
	}
}

/* Every address of a host is none of another's. */
static void any_host_is_to_listen_on(void **state)
{
	static const char *const cases[] = {"*:80", ":80", "[]:80"};

	(void)state;
	for (size_t i = 0; i < N(cases); i++) {
		struct vbi_cause cause = {0};

		assert_int_equal(verbs_address_check(cases[i], true, &cause), 0);
		assert_int_equal(verbs_address_check(cases[i], false, &cause), -EINVAL);
		assert_non_null(strstr(cause.sentence, "no host to connect to"));
	}
}

static void a_host_may_be_as_long_as_a_name(void **state)
{
	char rest[400];
	struct verbs_place place;
	struct vbi_cause cause;

	(void)state;
	memset(rest, 'a', sizeof(rest));
	memcpy(rest + VERBS_HOST_MAX - 1, ":1", sizeof(":1"));
	assert_int_equal(verbs_place_parse(rest, false, &place, &cause), 0);
	memset(rest, 'a', sizeof(rest));
	memcpy(rest + VERBS_HOST_MAX, ":1", sizeof(":1"));
	assert_int_equal(verbs_place_parse(rest, false, &place, &cause), -EINVAL);
}

static void check_number(const char *rest, const char *printed)
{
	struct verbs_place place;
	struct verbs_addresses addresses;
	struct vbi_cause cause;
	char text[64];

	assert_int_equal(verbs_place_parse(rest, false, &place, &cause), 0);
	assert_int_equal(verbs_place_numeric(&place, false, &addresses), 0);
	assert_int_equal(addresses.n, 1);
	verbs_address_print((struct sockaddr *)&addresses.addresses[0], text, sizeof(text));
	assert_string_equal(text, printed);
}

static void numbers_need_no_look_up(void **state)
{
	struct verbs_addresses addresses;
	struct verbs_place name = {"localhost", "1"}, any = {"*", "1"}, none = {"", "1"};

	(void)state;
	check_number("10.1.2.3:99", "10.1.2.3:99");
	check_number("[fd00:0::1]:99", "[fd00::1]:99");
	/* Every host has this interface, and only on one has such an address a place. */
	check_number("[fe80::1%lo]:99", "[fe80::1%lo]:99");
	assert_int_equal(verbs_place_numeric(&name, false, &addresses), -ENOENT);
	assert_int_equal(verbs_place_numeric(&any, true, &addresses), 0);
	/* IPv4 clients are heard there too. */
	assert_int_equal(addresses.addresses[0].ss_family, AF_INET6);
	assert_true(addresses.n >= 2);
	assert_int_equal(verbs_place_numeric(&none, true, &addresses), 0);
}

/* What a name is known as here is the system's affair, also whether it is known. */
static void look_up_says_what_the_system_does(void **state)
{
	struct verbs_place place = {"localhost", "7"};
	struct verbs_resolver *resolver = verbs_resolver_start(&place);
	struct pollfd done = {.events = POLLIN};
	struct verbs_addresses addresses, wanted;
	struct vbi_cause cause, wanted_cause;
	int error = verbs_place_look_up(&place, &wanted, &wanted_cause);

	(void)state;
	assert_non_null(resolver);
	done.fd = verbs_resolver_fd(resolver);
	assert_int_equal(poll(&done, 1, 20000), 1);
	assert_int_equal(verbs_resolver_result(resolver, &addresses, &cause), error);
	if (error) {
		assert_string_equal(cause.sentence, wanted_cause.sentence);
	} else {
		assert_int_equal(addresses.n, wanted.n);
		assert_memory_equal(addresses.addresses, wanted.addresses,
				    wanted.n * sizeof(wanted.addresses[0]));
	}
	verbs_resolver_free(resolver);
}

/* Whoever gives up does not wait for the look-up; the leak checker sees what is left. */
static void look_up_can_be_given_up(void **state)
{
	struct verbs_place place = {"localhost", "7"};

	(void)state;
	for (unsigned i = 0; i < 20; i++)
		verbs_resolver_free(verbs_resolver_start(&place));
	verbs_resolver_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(places_are_taken_apart),
		cmocka_unit_test(what_is_no_place_is_named),
		cmocka_unit_test(any_host_is_to_listen_on),
		cmocka_unit_test(a_host_may_be_as_long_as_a_name),
		cmocka_unit_test(numbers_need_no_look_up),
		cmocka_unit_test(look_up_says_what_the_system_does),
		cmocka_unit_test(look_up_can_be_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
