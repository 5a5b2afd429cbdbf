/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of vbi_survey_take(); each fills its members of a survey that is zeroed at first. */
#ifndef TRANSPORT_SURVEY_PARTS_H
#define TRANSPORT_SURVEY_PARTS_H

#include "transport/survey/survey.h"

/* Kernel, modules, nodes, huge pages, interfaces, limits. */
void vbi_survey_host(const char *root, struct vbi_survey *survey);

/* The devices that the kernel has, by name: name, driver, node. -ENOMEM. */
int vbi_survey_sysfs(const char *root, struct vbi_survey *survey);

/* The rest of each device, from libibverbs; fork support. Without libibverbs: nothing. -ENOMEM. */
int vbi_survey_verbs(struct vbi_survey *survey);

/* Fills what librdmacm knows, for PICK with host, address and the route set. */
void vbi_survey_resolve(struct vbi_survey_pick *pick);

/* Fills address and the route of PICK for its host: what any socket would use. 0, or a negative
 * errno, with pick->what set (-ENOENT: the name stands for nothing). */
int vbi_survey_route(struct vbi_survey_pick *pick);

/* Whether an interface of this network namespace has the IP address of 16 bytes (IPv4-mapped or
 * IPv6); its name goes to RET_NETDEV, which may be NULL. */
bool vbi_survey_address_is_here(const uint8_t address[16], char *ret_netdev, size_t size);

/* The GID at RAW as text. */
void vbi_survey_gid_text(const uint8_t raw[16], char ret_text[VBI_SURVEY_ADDRESS]);

/* True for what the kernel makes of a MAC or GUID: fe80::/64. */
bool vbi_survey_gid_is_link_local(const uint8_t raw[16]);

#endif
