/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's own memory, for what a stub decodes into pointers: a list of blocks, freed with the
 * request.
 */
#ifndef VBI_ARENA_H
#define VBI_ARENA_H

#include "rpc/request.h"

void vbi_arena_release(struct vbi_request *request);

#endif
