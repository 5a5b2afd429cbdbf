/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/survey/survey.h"

#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "transport/survey/files.h"
#include "transport/survey/parts.h"

const char *vbi_survey_gid_type_name(enum vbi_survey_gid_type type)
{
	static const char *const names[] = {
		[VBI_GID_IB] = "IB",
		[VBI_GID_ROCE_V1] = "RoCE v1",
		[VBI_GID_ROCE_V2] = "RoCE v2",
	};

	return names[type];
}

/* Which interface each GID, and so each Ethernet port, belongs to. */
static void netdevs_find(const char *root, struct vbi_survey_device *device)
{
	char flags[VBI_SURVEY_NAME];

	for (size_t i = 0; i < device->n_gids; i++) {
		struct vbi_survey_gid *gid = &device->gids[i];

		vbi_file_line(gid->netdev, sizeof(gid->netdev), root,
			      "/sys/class/infiniband/%s/ports/%u/gid_attrs/ndevs/%u", device->name,
			      gid->port, gid->index);
	}
	for (size_t i = 0; i < device->n_ports; i++) {
		struct vbi_survey_port *port = &device->ports[i];

		/* Also while a port has no GID. */
		if (vbi_file_line(port->netdev, sizeof(port->netdev), root,
				  "/sys/class/infiniband/%s/parent", device->name) < 0)
			vbi_file_line(port->netdev, sizeof(port->netdev), root,
				      "/sys/class/infiniband/%s/ports/%u/gid_attrs/ndevs/0",
				      device->name, port->number);
		if (!port->netdev[0])
			continue;
		/* /sys/class/net has the interfaces of the namespace that it was mounted in, which
		 * need not be ours; the other question is of ours. */
		port->netdev_is_here = if_nametoindex(port->netdev) != 0;
		if (vbi_file_line(flags, sizeof(flags), root, "/sys/class/net/%s/flags",
				  port->netdev) == 0)
			port->netdev_is_up = strtoul(flags, NULL, 16) & IFF_UP;
	}
}

int vbi_survey_take(const char *root, struct vbi_survey *ret_survey)
{
	struct vbi_survey survey = {0};
	int result;

	vbi_survey_host(root, &survey);
	result = vbi_survey_sysfs(root, &survey);
	if (!result && !root[0])
		result = vbi_survey_verbs(&survey);
	if (result) {
		vbi_survey_free(&survey);
		return result;
	}
	for (size_t i = 0; i < survey.n_devices; i++)
		netdevs_find(root, &survey.devices[i]);
	*ret_survey = survey;
	return 0;
}

void vbi_survey_free(struct vbi_survey *survey)
{
	for (size_t i = 0; i < survey->n_devices; i++) {
		free(survey->devices[i].ports);
		free(survey->devices[i].gids);
	}
	free(survey->devices);
	memset(survey, 0, sizeof(*survey));
}

/*
 * The table's entry for the GID that was picked. One address has an entry for each RoCE version;
 * the connection manager takes version 2 where there is one.
 */
static void gid_find(const struct vbi_survey *survey, struct vbi_survey_pick *pick)
{
	const struct vbi_survey_gid *found = NULL;

	for (size_t i = 0; i < survey->n_devices; i++) {
		const struct vbi_survey_device *device = &survey->devices[i];

		if (strcmp(device->name, pick->device) != 0)
			continue;
		for (size_t k = 0; k < device->n_gids; k++) {
			const struct vbi_survey_gid *gid = &device->gids[k];

			if (gid->port == pick->port &&
			    memcmp(gid->raw, pick->gid.raw, sizeof(gid->raw)) == 0 &&
			    (!found || gid->type > found->type))
				found = gid;
		}
	}
	pick->has_gid = found;
	if (found)
		pick->gid = *found;
}

static void target_try(const struct sockaddr *target, struct vbi_survey_pick *pick)
{
	int result = vbi_survey_route(target, pick);

	if (result)
		pick->errnum = -result;
	else
		vbi_survey_resolve(target, pick);
}

void vbi_survey_pick_take(const struct vbi_survey *survey, const char *host,
			  struct vbi_survey_pick *ret_pick)
{
	struct vbi_survey_pick unknown = {0}, pick;
	struct vbi_survey_targets targets = {0};

	vbi_text_copy(unknown.host, sizeof(unknown.host), host);
	unknown.errnum = -vbi_survey_look_up(host, &targets);
	if (unknown.errnum)
		vbi_text_copy(unknown.what, sizeof(unknown.what), "look up the name");
	*ret_pick = unknown;
	for (size_t i = 0; i < targets.n; i++) {
		pick = unknown;
		target_try((const struct sockaddr *)&targets.list[i], &pick);
		if (i == 0 || !pick.errnum)
			*ret_pick = pick;
		if (!pick.errnum)
			break;
	}
	if (!ret_pick->errnum)
		gid_find(survey, ret_pick);
}
