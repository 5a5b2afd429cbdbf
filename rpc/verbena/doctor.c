/* SPDX-License-Identifier: Apache-2.0 */
/* verbena doctor */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "rpc/verbena/address.h"
#include "rpc/verbena/commands.h"
#include "rpc/verbena/report.h"
#include "rpc/verbena/trial.h"

enum { OPTION_JSON = 256 };

struct doctor_options {
	const char *address;
	bool json;
	bool verbose;
};

static const struct argp_option option_list[] = {
	{"json", OPTION_JSON, NULL, 0, "Write the report as JSON", 0},
	{"verbose", 'v', NULL, 0, "Show every GID, limit and module", 0},
	{0},
};

static void address_take(struct argp_state *state, const char *address)
{
	struct doctor_options *options = state->input;
	char host[VBI_SURVEY_PATH];
	bool has_port;

	if (options->address)
		argp_error(state, "one ADDRESS at a time; '%s' is one too many", address);
	if (strlen(address) >= EXAM_ADDRESS ||
	    (!exam_address_is_shm(address) &&
	     address_split(address, host, sizeof(host), &has_port) < 0))
		argp_error(state,
			   "'%s' is no address; write it as rdma://HOST, rdma://HOST:PORT or "
			   "shm://NAME",
			   address);
	options->address = address;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct doctor_options *options = state->input;

	switch (key) {
	case OPTION_JSON:
		if (!report_has_json())
			argp_error(state, "--json: this program was built without jansson");
		options->json = true;
		break;
	case 'v':
		options->verbose = true;
		break;
	case ARGP_KEY_ARG:
		address_take(state, arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static const struct argp argp = {
	.options = option_list,
	.parser = parse,
	.args_doc = "[ADDRESS]",
	.doc = "Shows the RDMA devices of this host, what rdma:// would pick among them and why, "
	       "tries calls from this process to itself, and says of each problem what causes it "
	       "and what mends it."
	       "\vADDRESS is rdma://HOST, rdma://HOST:PORT (a server there is connected to as "
	       "well) or shm://NAME. Without one, or with * for HOST, each RDMA address of this "
	       "host is looked at.\n\n"
	       "Exit status: 0 if all is well, 1 if there are problems, 2 if the arguments make no "
	       "sense.",
};

/* ---- The examination ---- */

static void picks_take(struct exam *exam)
{
	char addresses[EXAM_PICKS_MAX][VBI_SURVEY_ADDRESS];
	char host[VBI_SURVEY_PATH];
	bool has_port;
	size_t n;

	if (exam_address_is_shm(exam->asked))
		return;
	if (exam->asked[0] && address_split(exam->asked, host, sizeof(host), &has_port) == 0 &&
	    !address_host_is_any(host)) {
		vbi_survey_pick_take(&exam->survey, host, &exam->picks[exam->n_picks++]);
		return;
	}
	n = vbi_survey_addresses(&exam->survey, addresses, EXAM_PICKS_MAX);
	for (size_t i = 0; i < n; i++)
		vbi_survey_pick_take(&exam->survey, addresses[i], &exam->picks[exam->n_picks++]);
}

/* Over a port that is down nothing is tried: it is known to fail, and may do harm (rxe's gaps). */
static bool pick_can_be_tried(const struct exam *exam, const struct vbi_survey_pick *pick)
{
	const struct vbi_survey_port *port = pick_port(&exam->survey, pick);

	return exam->library_has_rdma && port && port->is_active;
}

/* A call to ourselves over what a pick has picked: from our own address there, and to it. */
static void pick_try(struct exam *exam, const struct vbi_survey_pick *pick)
{
	struct trial *trial = &exam->trials[exam->n_trials];
	char address[EXAM_ADDRESS];

	if (!pick_can_be_tried(exam, pick) ||
	    address_join(pick->source, address, sizeof(address)) < 0)
		return;
	trial_call(address, trial);
	snprintf(trial->device, sizeof(trial->device), "%s", pick->device);
	exam->n_trials++;
}

/* A server at PORT of the host that a pick is of. */
static void server_try(struct exam *exam, const struct vbi_survey_pick *pick, const char *port)
{
	struct trial *trial = &exam->trials[exam->n_trials];
	char place[EXAM_ADDRESS], address[EXAM_ADDRESS];
	int length;

	if (!pick_can_be_tried(exam, pick) || address_join(pick->host, place, sizeof(place)) < 0)
		return;
	length = snprintf(address, sizeof(address), "%s:%s", place, port);
	if (length < 0 || (size_t)length >= sizeof(address))
		return;
	trial_connect(address, trial);
	snprintf(trial->device, sizeof(trial->device), "%s", pick->device);
	exam->n_trials++;
}

static void asked_try(struct exam *exam)
{
	char host[VBI_SURVEY_PATH];
	bool has_port = false;

	if (exam_address_is_shm(exam->asked))
		trial_connect(exam->asked, &exam->trials[exam->n_trials++]);
	else if (address_split(exam->asked, host, sizeof(host), &has_port) == 0 && has_port)
		for (size_t i = 0; i < exam->n_picks; i++)
			server_try(exam, &exam->picks[i], strrchr(exam->asked, ':') + 1);
}

static void trials_take(struct exam *exam)
{
	char address[EXAM_ADDRESS];

	snprintf(address, sizeof(address), "shm://verbena-doctor-%d", (int)getpid());
	trial_call(address, &exam->trials[exam->n_trials++]);
	for (size_t i = 0; i < exam->n_picks; i++)
		pick_try(exam, &exam->picks[i]);
	if (exam->asked[0])
		asked_try(exam);
}

int command_doctor(int argc, char **argv)
{
	static struct exam exam;
	static struct findings findings;
	struct doctor_options options = {0};
	int result;

	argp_err_exit_status = STATUS_USAGE;
	if (argp_parse(&argp, argc, argv, 0, NULL, &options) != 0)
		return STATUS_USAGE;
#ifdef LIBRARY_HAS_RDMA
	exam.library_has_rdma = true;
#endif
	if (options.address)
		snprintf(exam.asked, sizeof(exam.asked), "%s", options.address);
	result = vbi_survey_take("", &exam.survey);
	if (result < 0) {
		errno = -result;
		err(STATUS_FAILED, "verbena doctor");
	}
	picks_take(&exam);
	trials_take(&exam);
	findings_judge(&exam, &findings);
	if (!options.json)
		report_text(stdout, &exam, &findings, options.verbose);
	else if (report_json(stdout, &exam, &findings) < 0)
		err(STATUS_FAILED, "verbena doctor: cannot write");
	vbi_survey_free(&exam.survey);
	if (fflush(stdout) != 0)
		err(STATUS_FAILED, "verbena doctor: cannot write");
	return findings_problems(&findings) ? STATUS_FAILED : STATUS_OK;
}
