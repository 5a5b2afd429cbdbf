/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/verbena/address.h"

static void good_addresses_come_apart(void **state)
{
	static const struct {
		const char *address;
		const char *host;
		bool has_port;
	} cases[] = {
		{"rdma://10.0.0.1", "10.0.0.1", false},
		{"rdma://10.0.0.1:7471", "10.0.0.1", true},
		{"10.0.0.1:1", "10.0.0.1", true},
		{"server.example.org", "server.example.org", false},
		{"rdma://server:65535", "server", true},
		{"rdma://[fd00::5]:7471", "fd00::5", true},
		{"rdma://[fd00::5]", "fd00::5", false},
		{"fd00::5", "fd00::5", false},
		{"rdma://[fe80::5%eth0]:7471", "fe80::5%eth0", true},
		{"rdma://*:7471", "*", true},
	};
	char host[64];
	bool has_port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(address_split(cases[i].address, host, sizeof(host), &has_port), 0);
		assert_string_equal(host, cases[i].host);
		assert_int_equal(has_port, cases[i].has_port);
	}
}

static void bad_addresses_are_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"rdma://",
		"rdma://:7471",
		"rdma://host:",
		"rdma://host:0",
		"rdma://host:65536",
		"rdma://host:7a",
		"rdma://host:123456",
		"rdma://[fd00::5",
		"rdma://[fd00::5]x",
		"rdma://[fd00::5]:",
		"rdma://[]:7",
		"tcp://host:7",
		"shm://name",
		"rdma://a/b",
		"rdma://host: 7",
	};
	char host[64] = "before";
	bool has_port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (address_split(cases[i], host, sizeof(host), &has_port) != -EINVAL)
			fail_msg("'%s' was taken", cases[i]);
	}
	assert_string_equal(host, "before");
}

static void a_host_that_does_not_fit_is_refused(void **state)
{
	char host[5];
	bool has_port;

	(void)state;
	assert_int_equal(address_split("rdma://abcd", host, sizeof(host), &has_port), 0);
	assert_int_equal(address_split("rdma://abcde", host, sizeof(host), &has_port), -EINVAL);
}

static void hosts_become_addresses(void **state)
{
	char address[32];

	(void)state;
	assert_int_equal(address_join("10.0.0.1", address, sizeof(address)), 0);
	assert_string_equal(address, "rdma://10.0.0.1");
	assert_int_equal(address_join("fd00::5", address, sizeof(address)), 0);
	assert_string_equal(address, "rdma://[fd00::5]");
	assert_int_equal(address_join("10.0.0.1", address, 16), 0);
	assert_int_equal(address_join("10.0.0.1", address, 15), -ENAMETOOLONG);
}

static void a_star_is_any_host(void **state)
{
	(void)state;
	assert_true(address_host_is_any("*"));
	assert_false(address_host_is_any("*.example.org"));
	assert_false(address_host_is_any("10.0.0.1"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_addresses_come_apart),
		cmocka_unit_test(bad_addresses_are_refused),
		cmocka_unit_test(a_host_that_does_not_fit_is_refused),
		cmocka_unit_test(hosts_become_addresses),
		cmocka_unit_test(a_star_is_any_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
