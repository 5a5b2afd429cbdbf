/* SPDX-License-Identifier: Apache-2.0 */
/* The report for programs. */
#include "rpc/verbena/report.h"

#include <errno.h>
#include <string.h>

#ifdef HAVE_JANSSON

#include <jansson.h>

#include <verbena/verbena.h>

static void put_text(json_t *object, const char *key, const char *text)
{
	json_t *value = json_string(text);

	/* A name that is not UTF-8 is shown by nobody; null says that there is one. */
	json_object_set_new(object, key, value ? value : json_null());
}

static void put_number(json_t *object, const char *key, uint64_t value)
{
	/* Unlimited has no number. */
	json_object_set_new(object, key,
			    value == UINT64_MAX ? json_null() : json_integer((json_int_t)value));
}

static void put_bool(json_t *object, const char *key, bool value)
{
	json_object_set_new(object, key, json_boolean(value));
}

/* 0 as null, else the number's name. */
static void put_error(json_t *object, const char *key, int errnum)
{
	const char *name = errnum ? strerrorname_np(errnum) : NULL;

	json_object_set_new(object, key,
			    name     ? json_string(name)
			    : errnum ? json_integer(errnum)
				     : json_null());
}

static json_t *gid_make(const struct vbi_survey_gid *gid)
{
	static const char *const places[] = {
		[VBI_PLACE_HERE] = "here",
		[VBI_PLACE_LINK_LOCAL] = "link-local",
		[VBI_PLACE_ELSEWHERE] = "elsewhere",
	};
	json_t *object = json_object();

	put_number(object, "port", gid->port);
	put_number(object, "index", gid->index);
	put_text(object, "type", vbi_survey_gid_type_name(gid->type));
	put_text(object, "address", gid->address);
	put_text(object, "netdev", gid->netdev);
	if (gid->type != VBI_GID_IB)
		put_text(object, "place", places[gid->place]);
	return object;
}

static json_t *port_make(const struct vbi_survey_port *port)
{
	json_t *object = json_object();

	put_number(object, "port", port->number);
	put_text(object, "state", port->state);
	put_text(object, "link_layer", port->is_ethernet ? "Ethernet" : "InfiniBand");
	put_number(object, "mtu", port->mtu);
	put_number(object, "mtu_max", port->mtu_max);
	put_number(object, "message_max", port->message_max);
	put_text(object, "netdev", port->netdev);
	put_bool(object, "netdev_is_here", port->netdev_is_here);
	put_bool(object, "netdev_is_up", port->netdev_is_up);
	return object;
}

static json_t *device_make(const struct vbi_survey_device *device)
{
	const char *const *gaps = driver_gaps(device->driver);
	json_t *object = json_object(), *ports = json_array(), *gids = json_array();
	json_t *list = json_array();

	put_text(object, "name", device->name);
	put_text(object, "driver", device->driver);
	put_text(object, "node", device->node);
	put_bool(object, "iwarp", device->is_iwarp);
	put_bool(object, "known", device->is_known);
	put_error(object, "open_error", device->open_errnum);
	put_number(object, "max_qp", device->max_qp);
	put_number(object, "max_qp_wr", device->max_qp_wr);
	put_number(object, "max_cqe", device->max_cqe);
	put_number(object, "max_srq", device->max_srq);
	put_number(object, "max_srq_wr", device->max_srq_wr);
	put_number(object, "max_rd_atomic", device->max_rd_atomic);
	put_number(object, "max_init_rd_atomic", device->max_init_rd_atomic);
	put_number(object, "max_inline", device->max_inline);
	put_bool(object, "window_2b", device->has_window_2b);
	put_bool(object, "send_with_invalidate", device->has_send_inv);
	put_error(object, "probe_error", device->probe_errnum);
	for (size_t i = 0; i < device->n_ports; i++)
		json_array_append_new(ports, port_make(&device->ports[i]));
	json_object_set_new(object, "ports", ports);
	for (size_t i = 0; i < device->n_gids; i++)
		json_array_append_new(gids, gid_make(&device->gids[i]));
	json_object_set_new(object, "gids", gids);
	for (size_t i = 0; gaps && gaps[i]; i++)
		json_array_append_new(list, json_string(gaps[i]));
	json_object_set_new(object, "gaps", list);
	return object;
}

static json_t *host_make(const struct vbi_survey *survey)
{
	static const char *const forks[] = {
		[VBI_FORK_UNKNOWN] = "unknown",
		[VBI_FORK_UNSAFE] = "unsafe",
		[VBI_FORK_PREPARED] = "prepared",
		[VBI_FORK_UNNEEDED] = "unneeded",
	};
	json_t *object = json_object();

	put_text(object, "kernel", survey->kernel);
	put_bool(object, "ib_uverbs", survey->has_uverbs_module);
	put_bool(object, "rdma_ucm", survey->has_ucm_module);
	put_bool(object, "rdma_rxe", survey->has_rxe_module);
	put_bool(object, "rdma_rxe_available", survey->is_rxe_available);
	put_bool(object, "netns_exclusive", survey->is_netns_exclusive);
	put_error(object, "rdma_cm_error", survey->cm_errnum);
	put_text(object, "default_netdev", survey->default_netdev);
	put_number(object, "huge_page_size", survey->huge_page_size);
	put_number(object, "huge_pages", survey->huge_pages);
	put_number(object, "huge_pages_free", survey->huge_pages_free);
	put_number(object, "memlock", survey->memlock);
	put_number(object, "memlock_max", survey->memlock_max);
	put_bool(object, "memlock_exempt", survey->is_memlock_exempt);
	put_number(object, "memlock_per_connection", CONNECTION_MEMORY);
	put_text(object, "fork", forks[survey->fork]);
	return object;
}

static json_t *pick_make(const struct vbi_survey_pick *pick)
{
	json_t *object = json_object(), *route = json_object();

	put_text(object, "host", pick->host);
	put_text(object, "address", pick->address);
	put_bool(object, "local", pick->is_local);
	put_text(route, "netdev", pick->route_netdev);
	put_text(route, "source", pick->route_source);
	json_object_set_new(object, "route", route);
	put_error(object, "error", pick->errnum);
	if (pick->errnum) {
		put_text(object, "step", pick->what);
		return object;
	}
	put_text(object, "device", pick->device);
	put_number(object, "port", pick->port);
	put_text(object, "source", pick->source);
	if (pick->has_gid)
		json_object_set_new(object, "gid", gid_make(&pick->gid));
	return object;
}

static json_t *trial_make(const struct trial *trial)
{
	json_t *object = json_object();

	put_text(object, "address", trial->address);
	put_text(object, "device", trial->device);
	put_bool(object, "call", trial->is_call);
	put_error(object, "error", trial->errnum);
	if (trial->errnum) {
		put_text(object, "step", trial->step);
		put_text(object, "sentence", trial->sentence);
	}
	if (trial->round_trip_ns)
		put_number(object, "round_trip_ns", trial->round_trip_ns);
	if (trial->bulk_ns)
		put_number(object, "bulk_ns", trial->bulk_ns);
	return object;
}

static json_t *finding_make(const struct finding *finding)
{
	json_t *object = json_object(), *mends = json_array();

	put_text(object, "severity", finding->severity == SEVERITY_PROBLEM ? "problem" : "note");
	put_text(object, "rule", finding->rule);
	put_text(object, "cause", finding->cause);
	for (size_t i = 0; i < finding->n_mends; i++)
		json_array_append_new(mends, json_string(finding->mends[i]));
	json_object_set_new(object, "mends", mends);
	return object;
}

static json_t *report_make(const struct exam *exam, const struct findings *findings)
{
	json_t *object = json_object(), *devices = json_array(), *picks = json_array();
	json_t *trials = json_array(), *list = json_array();

	put_text(object, "verbena", vb_version());
	put_bool(object, "library_has_rdma", exam->library_has_rdma);
	put_bool(object, "program_has_verbs", exam->survey.has_verbs);
	put_text(object, "asked", exam->asked);
	json_object_set_new(object, "host", host_make(&exam->survey));
	for (size_t i = 0; i < exam->survey.n_devices; i++)
		json_array_append_new(devices, device_make(&exam->survey.devices[i]));
	json_object_set_new(object, "devices", devices);
	for (size_t i = 0; i < exam->n_picks; i++)
		json_array_append_new(picks, pick_make(&exam->picks[i]));
	json_object_set_new(object, "picks", picks);
	for (size_t i = 0; i < exam->n_trials; i++)
		json_array_append_new(trials, trial_make(&exam->trials[i]));
	json_object_set_new(object, "trials", trials);
	for (size_t i = 0; i < findings->n; i++)
		json_array_append_new(list, finding_make(&findings->list[i]));
	json_object_set_new(object, "findings", list);
	put_number(object, "problems", findings_problems(findings));
	return object;
}

int report_json(FILE *out, const struct exam *exam, const struct findings *findings)
{
	json_t *report = report_make(exam, findings);
	int result;

	errno = 0;
	result = json_dumpf(report, out, JSON_INDENT(2));
	if (result < 0 && !errno)
		errno = EIO;
	fputc('\n', out);
	json_decref(report);
	return result;
}

bool report_has_json(void)
{
	return true;
}

#else

int report_json(FILE *out, const struct exam *exam, const struct findings *findings)
{
	(void)out;
	(void)exam;
	(void)findings;
	errno = ENOSYS;
	return -1;
}

bool report_has_json(void)
{
	return false;
}

#endif
