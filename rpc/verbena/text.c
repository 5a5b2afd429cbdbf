/* SPDX-License-Identifier: Apache-2.0 */
/* The report for a terminal. */
#include "rpc/verbena/report.h"

#include <errno.h>
#include <string.h>

#include <verbena/verbena.h>

#define SIZE_TEXT 32

/* What fits a terminal of usual width. */
#define COLUMNS 96

static const char *size_text(uint64_t bytes, char text[SIZE_TEXT])
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	unsigned unit = 0;

	if (bytes == UINT64_MAX)
		return "unlimited";
	while (unit + 1 < sizeof(units) / sizeof(units[0]) && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, SIZE_TEXT, "%llu %s", (unsigned long long)bytes, units[unit]);
	return text;
}

static const char *time_text(uint64_t ns, char text[SIZE_TEXT])
{
	if (ns < 1000 * 1000)
		snprintf(text, SIZE_TEXT, "%.1f us", (double)ns / 1000);
	else
		snprintf(text, SIZE_TEXT, "%.1f ms", (double)ns / (1000 * 1000));
	return text;
}

/* Writes TEXT from column AT on, in lines that begin at INDENT; a word is never broken. */
static void wrapped(FILE *out, const char *text, size_t at, size_t indent)
{
	bool is_first = true;

	while (*text) {
		size_t length = strcspn(text, " ");

		if (!is_first && at + 1 + length > COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (!is_first) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)length, text);
		is_first = false;
		at += length;
		text += length;
		text += strspn(text, " ");
	}
	fputc('\n', out);
}

/* ---- Devices ---- */

static void gids_show(FILE *out, const struct vbi_survey_device *device, unsigned port,
		      bool verbose)
{
	static const char *const places[] = {
		[VBI_PLACE_HERE] = "",
		[VBI_PLACE_LINK_LOCAL] = "  link-local",
		[VBI_PLACE_ELSEWHERE] = "  of no interface here",
	};
	unsigned hidden = 0;

	for (size_t i = 0; i < device->n_gids; i++) {
		const struct vbi_survey_gid *gid = &device->gids[i];

		if (gid->port != port)
			continue;
		if (!verbose && gid->type != VBI_GID_IB &&
		    (gid->place == VBI_PLACE_LINK_LOCAL || gid->type == VBI_GID_ROCE_V1)) {
			hidden++;
			continue;
		}
		fprintf(out, "      GID %-3u %-8s %s  %s%s\n", gid->index,
			vbi_survey_gid_type_name(gid->type), gid->address, gid->netdev,
			gid->type == VBI_GID_IB ? "" : places[gid->place]);
	}
	if (hidden)
		fprintf(out, "      and %u GID%s that rdma:// does not use (--verbose)\n", hidden,
			hidden == 1 ? "" : "s");
}

static void port_show(FILE *out, const struct vbi_survey_device *device,
		      const struct vbi_survey_port *port, bool verbose)
{
	char message[SIZE_TEXT];

	fprintf(out, "    port %u    %s, %s, MTU %u of %u, message %s", port->number, port->state,
		port->is_ethernet ? "Ethernet" : "InfiniBand", port->mtu, port->mtu_max,
		size_text(port->message_max, message));
	if (port->netdev[0])
		fprintf(out, ", %s%s%s", port->netdev, port->netdev_is_up ? "" : " (down)",
			port->netdev_is_here ? "" : " (in another network namespace)");
	fputc('\n', out);
	gids_show(out, device, port->number, verbose);
}

static void limits_show(FILE *out, const struct vbi_survey_device *device, bool verbose)
{
	if (device->probe_errnum)
		fprintf(out, "    trial     no %s: %s\n", device->probe_what,
			strerror(device->probe_errnum));
	else
		fprintf(out, "    trial     a queue pair is made; inline up to %u B\n",
			device->max_inline);
	fprintf(out,
		"    limits    %u SRQs of %u receives, CQs of %u\n"
		"              READs in progress: %u of its own, %u of a peer's\n"
		"              windows of type 2B: %s\n",
		device->max_srq, device->max_srq_wr, device->max_cqe, device->max_init_rd_atomic,
		device->max_rd_atomic, device->has_window_2b ? "yes" : "no");
	if (verbose)
		fprintf(out,
			"              %u queue pairs of %u work requests, SEND_WITH_INV: %s\n",
			device->max_qp, device->max_qp_wr, device->has_send_inv ? "yes" : "no");
}

static void device_show(FILE *out, const struct vbi_survey_device *device, bool verbose)
{
	fprintf(out, "  %-9s   driver %s", device->name,
		device->driver[0] ? device->driver : "unknown");
	if (strcmp(device->driver, "rxe") == 0)
		fputs(" (SoftRoCE)", out);
	if (device->is_iwarp)
		fputs(", iWARP: Verbena refuses it", out);
	if (device->node[0])
		fprintf(out, ", /dev/infiniband/%s", device->node);
	fputc('\n', out);
	if (!device->is_known) {
		fputs("    libibverbs does not list it\n", out);
		return;
	}
	if (device->open_errnum) {
		fprintf(out, "    cannot be opened: %s\n", strerror(device->open_errnum));
		return;
	}
	for (size_t i = 0; i < device->n_ports; i++)
		port_show(out, device, &device->ports[i], verbose);
	limits_show(out, device, verbose);
}

/* Each driver's once. */
static void gaps_show(FILE *out, const struct vbi_survey *survey)
{
	for (size_t i = 0; i < survey->n_devices; i++) {
		const char *driver = survey->devices[i].driver;
		const char *const *gaps = driver_gaps(driver);
		bool is_shown = false;

		for (size_t k = 0; k < i; k++)
			is_shown |= strcmp(survey->devices[k].driver, driver) == 0;
		if (!gaps || is_shown)
			continue;
		fprintf(out, "  Known gaps of driver %s:\n", driver);
		for (; *gaps; gaps++) {
			fputs("    - ", out);
			wrapped(out, *gaps, 6, 6);
		}
	}
}

static void devices_show(FILE *out, const struct vbi_survey *survey, bool verbose)
{
	fputs("Devices\n", out);
	if (survey->n_devices == 0)
		fputs("  none\n", out);
	for (size_t i = 0; i < survey->n_devices; i++)
		device_show(out, &survey->devices[i], verbose);
	gaps_show(out, survey);
}

/* ---- The process and the host ---- */

static void process_show(FILE *out, const struct vbi_survey *survey, bool verbose)
{
	static const char *const forks[] = {
		[VBI_FORK_UNKNOWN] = "not known",
		[VBI_FORK_UNSAFE] = "may break registered memory",
		[VBI_FORK_PREPARED] = "prepared for",
		[VBI_FORK_UNNEEDED] = "safe: the kernel copies registered memory for the child",
	};
	char text[SIZE_TEXT];

	fputs("\nThis process\n", out);
	fprintf(out, "  memlock     %s%s", size_text(survey->memlock, text),
		survey->is_memlock_exempt ? ", and exempt (CAP_IPC_LOCK)" : "");
	fprintf(out, "; a connection needs about %u KiB\n", CONNECTION_MEMORY >> 10);
	if (survey->n_devices || verbose)
		fprintf(out, "  fork        %s\n", forks[survey->fork]);
	if (survey->huge_page_size)
		fprintf(out, "  huge pages  %llu of %s, %llu free\n",
			(unsigned long long)survey->huge_pages,
			size_text(survey->huge_page_size, text),
			(unsigned long long)survey->huge_pages_free);
	if (!verbose)
		return;
	fprintf(out, "  kernel      %s\n", survey->kernel);
	fprintf(out, "  modules     ib_uverbs %s, rdma_ucm %s, rdma_rxe %s\n",
		survey->has_uverbs_module ? "yes" : "no", survey->has_ucm_module ? "yes" : "no",
		survey->has_rxe_module	   ? "yes"
		: survey->is_rxe_available ? "can be loaded"
					   : "no");
	fprintf(out, "  namespaces  %s\n",
		survey->is_netns_exclusive ? "each device in one" : "share all devices");
}

/* ---- Picks and trials ---- */

/* Why nothing is picked, where an errno's text would mislead. NULL: it does not. */
static const char *pick_reason(const struct vbi_survey *survey, const struct vbi_survey_pick *pick)
{
	if (!pick->address[0])
		return pick->errnum == EAGAIN ? "no name server answers"
					      : "no address is known by this name";
	if (!pick->route_source[0])
		return "no route leads there";
	if (!survey->has_verbs)
		return "this program cannot ask librdmacm";
	if (survey->n_devices == 0)
		return "this host has no RDMA device";
	if (survey->cm_errnum)
		return "RDMA's connection manager cannot be opened";
	switch (pick->errnum) {
	case ENODEV:
		return "no RDMA device is on that way";
	case ETIMEDOUT:
	case EHOSTUNREACH:
		return "nobody answers there";
	default:
		return NULL;
	}
}

static void pick_show(FILE *out, const struct vbi_survey *survey,
		      const struct vbi_survey_pick *pick)
{
	const struct vbi_survey_port *port = pick_port(survey, pick);

	fprintf(out, "  %s", pick->host);
	if (pick->address[0] && strcmp(pick->address, pick->host) != 0)
		fprintf(out, " (%s)", pick->address);
	fputc('\n', out);
	if (pick->route_source[0])
		fprintf(out, "    route     %s%s, source %s\n",
			pick->is_local ? "this host's own address, on " : "leaves through ",
			pick->route_netdev[0] ? pick->route_netdev : "an interface without name",
			pick->route_source);
	if (pick->errnum && pick_reason(survey, pick)) {
		fprintf(out, "    picks     nothing: %s\n", pick_reason(survey, pick));
		return;
	}
	if (pick->errnum) {
		fprintf(out, "    picks     nothing: %s (%s)\n", strerror(pick->errnum),
			pick->what);
		return;
	}
	fprintf(out, "    picks     %s port %u", pick->device, pick->port);
	if (port && !port->is_active)
		fprintf(out, " (%s: not tried)", port->state);
	if (pick->has_gid)
		fprintf(out, ", GID %u (%s)", pick->gid.index,
			vbi_survey_gid_type_name(pick->gid.type));
	fprintf(out, ", source %s", pick->source);
	if (pick->has_gid && pick->gid.netdev[0])
		fprintf(out, ": the device of %s", pick->gid.netdev);
	fputc('\n', out);
}

static void picks_show(FILE *out, const struct exam *exam)
{
	if (exam->n_picks == 0)
		return;
	fputs("\nWhat rdma:// picks\n", out);
	for (size_t i = 0; i < exam->n_picks; i++)
		pick_show(out, &exam->survey, &exam->picks[i]);
}

static void trials_show(FILE *out, const struct exam *exam)
{
	char small[SIZE_TEXT], bulk[SIZE_TEXT];

	fputs("\nTried\n", out);
	for (size_t i = 0; i < exam->n_trials; i++) {
		const struct trial *trial = &exam->trials[i];

		fprintf(out, "  %s", trial->address);
		if (trial->device[0])
			fprintf(out, ", on %s", trial->device);
		fputc('\n', out);
		if (trial->errnum)
			fprintf(out, "    failed    %s\n", trial->step);
		else if (trial->is_call)
			fprintf(out, "    works     32 B there and back %s, 1 MiB %s\n",
				time_text(trial->round_trip_ns, small),
				time_text(trial->bulk_ns, bulk));
		else
			fputs("    works     a server answers there\n", out);
	}
}

/* ---- Findings ---- */

static void findings_show(FILE *out, const struct findings *findings)
{
	size_t n_problems = findings_problems(findings);

	fputs("\nFindings\n", out);
	if (findings->n == 0)
		fputs("  none: all is well\n", out);
	for (size_t i = 0; i < findings->n; i++) {
		const struct finding *finding = &findings->list[i];

		fprintf(out, "  %-9s",
			finding->severity == SEVERITY_PROBLEM ? "problem:" : "note:");
		wrapped(out, finding->cause, 11, 11);
		for (size_t k = 0; k < finding->n_mends; k++)
			fprintf(out, "             %s\n", finding->mends[k]);
	}
	if (n_problems == 0 && findings->n > 0)
		fputs("  no problems\n", out);
}

void report_text(FILE *out, const struct exam *exam, const struct findings *findings, bool verbose)
{
	fprintf(out, "Verbena %s, rdma:// %s\n\n", vb_version(),
		exam->library_has_rdma ? "built in" : "not built in");
	devices_show(out, &exam->survey, verbose);
	process_show(out, &exam->survey, verbose);
	picks_show(out, exam);
	trials_show(out, exam);
	findings_show(out, findings);
}
