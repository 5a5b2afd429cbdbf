/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of vbi_survey_take(); each fills its members of a survey that is zeroed at first. */
#ifndef TRANSPORT_SURVEY_PARTS_H
#define TRANSPORT_SURVEY_PARTS_H

#include <sys/socket.h>

#include "transport/survey/survey.h"

/* Kernel, modules, nodes, huge pages, interfaces, limits. */
void vbi_survey_host(const char *root, struct vbi_survey *survey);

/* The devices that the kernel has, by name: name, driver, node. -ENOMEM. */
int vbi_survey_sysfs(const char *root, struct vbi_survey *survey);

/* The rest of each device, from libibverbs; fork support. Without libibverbs: nothing. -ENOMEM. */
int vbi_survey_verbs(struct vbi_survey *survey);

/* The addresses of a host, IPv4 and IPv6, in the order in which a connect tries them. */
#define VBI_SURVEY_TARGETS_MAX 8
struct vbi_survey_targets {
	size_t n;
	struct sockaddr_storage list[VBI_SURVEY_TARGETS_MAX];
};

/* 0 and at least one; -ENOENT: the name stands for nothing; -EAGAIN: no name server answers; other
 * negative errno. */
int vbi_survey_look_up(const char *host, struct vbi_survey_targets *ret_targets);

/* Fills address and the route of PICK for TARGET: what any socket would use. 0, or a negative
 * errno, with pick->what set. */
int vbi_survey_route(const struct sockaddr *target, struct vbi_survey_pick *pick);

/* Fills what librdmacm knows of TARGET, for PICK with the route set. */
void vbi_survey_resolve(const struct sockaddr *target, struct vbi_survey_pick *pick);

/* An IPv4 or IPv6 address as text, with its scope if it has one; "" of another family. */
void vbi_survey_address_text(const struct sockaddr *address, char ret_text[VBI_SURVEY_ADDRESS]);

/* Whether an interface of this network namespace has the IP address of 16 bytes (IPv4-mapped or
 * IPv6); its name goes to RET_NETDEV, which may be NULL. */
bool vbi_survey_address_is_here(const uint8_t address[16], char *ret_netdev, size_t size);

/* The GID at RAW as text. */
void vbi_survey_gid_text(const uint8_t raw[16], char ret_text[VBI_SURVEY_ADDRESS]);

/* True for what the kernel makes of a MAC or GUID: fe80::/64. */
bool vbi_survey_gid_is_link_local(const uint8_t raw[16]);

#endif
