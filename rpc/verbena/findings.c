/* SPDX-License-Identifier: Apache-2.0 */
#include "rpc/verbena/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which they are shown: a cause before what follows from it. */
static rule_fn *const rules[] = {
	rule_build, rule_library, rule_no_device, rule_uverbs, rule_provider,
	rule_open,  rule_cm,	  rule_iwarp,	  rule_port,   rule_namespace,
	rule_gids,  rule_ipoib,	  rule_memlock,	  rule_probe,  rule_queues,
	rule_picks, rule_trials,  rule_fork,	  rule_mtu,    rule_gaps,
};

struct finding *finding_add(struct findings *findings, enum severity severity, const char *rule,
			    const char *format, ...)
{
	struct finding *finding;
	va_list arguments;

	if (findings->n < FINDINGS_MAX)
		findings->n++;
	finding = &findings->list[findings->n - 1];
	*finding = (struct finding){.severity = severity, .rule = rule};
	va_start(arguments, format);
	vsnprintf(finding->cause, sizeof(finding->cause), format, arguments);
	va_end(arguments);
	return finding;
}

void finding_mend(struct finding *finding, const char *format, ...)
{
	va_list arguments;

	if (finding->n_mends == MENDS_MAX)
		abort();
	va_start(arguments, format);
	vsnprintf(finding->mends[finding->n_mends++], MEND_MAX, format, arguments);
	va_end(arguments);
}

size_t findings_problems(const struct findings *findings)
{
	size_t n = 0;

	for (size_t i = 0; i < findings->n; i++)
		n += findings->list[i].severity == SEVERITY_PROBLEM;
	return n;
}

void findings_judge(const struct exam *exam, struct findings *ret_findings)
{
	ret_findings->n = 0;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		size_t n_before = ret_findings->n;

		rules[i](exam, ret_findings);
		/* Whoever asks for shared memory is not hindered by what RDMA lacks. */
		for (size_t k = n_before; k < ret_findings->n; k++)
			if (exam_address_is_shm(exam->asked) && rules[i] != rule_trials)
				ret_findings->list[k].severity = SEVERITY_NOTE;
	}
}

static bool has_scheme(const char *address, const char *scheme)
{
	return strlen(address) > strlen(scheme) && memcmp(address, scheme, strlen(scheme)) == 0;
}

bool exam_address_is_rdma(const char *address)
{
	return has_scheme(address, "rdma://");
}

bool exam_address_is_shm(const char *address)
{
	return has_scheme(address, "shm://");
}

bool port_is_usable(const struct vbi_survey_device *device, const struct vbi_survey_port *port)
{
	if (device->open_errnum || device->is_iwarp || !port->is_active)
		return false;
	/* An InfiniBand port's GIDs are no IP addresses: IPoIB has these. */
	if (!port->is_ethernet)
		return true;
	for (size_t i = 0; i < device->n_gids; i++) {
		const struct vbi_survey_gid *gid = &device->gids[i];

		if (gid->port == port->number && gid->type == VBI_GID_ROCE_V2 &&
		    gid->place == VBI_PLACE_HERE)
			return true;
	}
	return false;
}

static const struct vbi_survey_device *device_named(const struct vbi_survey *survey,
						    const char *name)
{
	for (size_t i = 0; i < survey->n_devices; i++) {
		if (strcmp(survey->devices[i].name, name) == 0)
			return &survey->devices[i];
	}
	return NULL;
}

const struct vbi_survey_device *pick_device(const struct vbi_survey *survey,
					    const struct vbi_survey_pick *pick)
{
	return pick->errnum ? NULL : device_named(survey, pick->device);
}

const struct vbi_survey_port *pick_port(const struct vbi_survey *survey,
					const struct vbi_survey_pick *pick)
{
	const struct vbi_survey_device *device = pick_device(survey, pick);

	for (size_t i = 0; device && i < device->n_ports; i++) {
		if (device->ports[i].number == pick->port)
			return &device->ports[i];
	}
	return NULL;
}

bool exam_has_usable_port(const struct exam *exam)
{
	for (size_t i = 0; i < exam->survey.n_devices; i++) {
		const struct vbi_survey_device *device = &exam->survey.devices[i];

		for (size_t k = 0; k < device->n_ports; k++) {
			if (port_is_usable(device, &device->ports[k]))
				return true;
		}
	}
	return false;
}
