/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bench/child.h"
#include "bench/rdma/address.h"

#define REMOVE_MS 10000

static char root[40];

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/verbena-sysfs-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	const char *const words[] = {"rm", "-rf", root, NULL};
	const struct child_options options = {.cpu = -1};
	struct child child;

	(void)state;
	if (child_start(&child, words, &options) < 0)
		return -1;
	return child_finish(&child, NULL, 0, REMOVE_MS);
}

/* Writes TEXT into the file NAME below the root, with the directories above it. */
static void put(const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;
	char *slash;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	for (slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		mkdir(path, 0777);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fprintf(file, "%s\n", text) > 0);
	assert_int_equal(fclose(file), 0);
}

static void no_device(void **state)
{
	struct rdma_place place;

	(void)state;
	errno = 0;
	assert_int_equal(rdma_place_find(root, NULL, &place), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(rdma_place_find("/nowhere/infiniband", NULL, &place), -1);
	assert_int_equal(errno, ENODEV);
}

static void ports_that_do_not_serve(void **state)
{
	struct rdma_place place;

	(void)state;
	put("a0/ports/1/state", "1: DOWN");
	put("a0/ports/1/gids/0", "0000:0000:0000:0000:0000:ffff:0a01:0101");
	put("b0/ports/1/state", "4: ACTIVE");
	put("b0/ports/1/gids/0", "fe80:0000:0000:0000:5054:00ff:fe12:3456");
	put("b0/ports/1/gids/1", "0000:0000:0000:0000:0000:0000:0000:0000");
	assert_int_equal(rdma_place_find(root, NULL, &place), -1);
	assert_int_equal(errno, ENODEV);
}

static void the_first_that_serves(void **state)
{
	struct rdma_place place;

	(void)state;
	put("c0/ports/2/state", "4: ACTIVE");
	put("c0/ports/2/gids/0", "fe80:0000:0000:0000:5054:00ff:fe12:3456");
	put("c0/ports/2/gids/3", "0000:0000:0000:0000:0000:ffff:0a4d:0001");
	put("d0/ports/1/state", "4: ACTIVE");
	put("d0/ports/1/gids/0", "0000:0000:0000:0000:0000:ffff:0a4d:0002");
	assert_int_equal(rdma_place_find(root, NULL, &place), 0);
	assert_string_equal(place.device, "c0");
	assert_string_equal(place.address, "10.77.0.1");
	assert_int_equal(place.port, 2);
	assert_int_equal(rdma_place_find(root, "10.77.0.2", &place), 0);
	assert_string_equal(place.device, "d0");
	assert_int_equal(rdma_place_find(root, "10.77.0.3", &place), -1);
	assert_int_equal(errno, ENODEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_device),
		cmocka_unit_test(ports_that_do_not_serve),
		cmocka_unit_test(the_first_that_serves),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
