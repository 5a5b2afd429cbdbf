/* A server for several.idl, to be filled in. */
#include <errno.h>
#include <stdio.h>

#include <verbena/verbena.h>

#include "several.vb.h"

static int on_first_get(struct vb_request *req, const struct shared_point *where,
			int8_t *how /* enum golden_several_level */)
{
	(void)req;
	(void)where;
	(void)how;
	errno = ENOSYS;
	return -1;
}

static const struct first_ops first_handlers = {
	.size = sizeof(struct first_ops),
	.get = on_first_get,
};

static void on_back_notify(struct vb_request *req, const struct back_note *what,
			   const struct back_note *more, uint32_t n_more)
{
	(void)req;
	(void)what;
	(void)more;
	(void)n_more;
}

static const struct back_ops back_handlers = {
	.size = sizeof(struct back_ops),
	.notify = on_back_notify,
};

int main(int argc, char **argv)
{
	struct vb_server *server;

	if (argc != 2) {
		fprintf(stderr, "usage: %s ADDRESS\n", argv[0]);
		return 2;
	}
	server = vb_server_create(NULL);
	if (!server) {
		fprintf(stderr, "%s\n", vb_conn_error(NULL)->sentence);
		return 1;
	}
	if (first_serve(server, &first_handlers, NULL) < 0 ||
	    back_serve(server, &back_handlers, NULL) < 0 ||
	    vb_server_listen(server, argv[1]) < 0 || vb_server_run(server) < 0) {
		fprintf(stderr, "%s\n", vb_server_error(server)->sentence);
		vb_server_free(server);
		return 1;
	}
	vb_server_free(server);
	return 0;
}
