/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory windows of type 2B, where both ends have agreed on them: memory that the application has
 * named is registered once, without a remote right, and a window onto one buffer is bound for each
 * call. The answer ends it (SEND_WITH_INV); one that it does not end is deallocated.
 */
#ifndef VERBS_WINDOW_H
#define VERBS_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

struct verbs_device;
struct verbs_endpoint;
struct verbs_window;
struct vbi_exposure;
struct vbi_record;

/* vbi_record.flags: its key is a window's, which a message of the peer may end. */
#define VERBS_RECORD_WINDOW 1u

/*
 * Whether this side offers windows on the device. Only if the environment asks for it
 * (VERBENA_VERBS_WINDOWS=force): no device has been seen to do all of it right.
 */
bool verbs_windows_offered(const struct verbs_device *device);

/*
 * Binds a window onto the exposure, ahead of what is sent next, and fills in its record. NULL: that
 * cannot be, and nothing has happened: its memory has no name, or cannot be registered for it, or
 * the send queue is full.
 */
struct verbs_window *verbs_window_bind(struct verbs_endpoint *endpoint,
				       struct vbi_exposure *exposure);
/* The key that ends it. */
uint32_t verbs_window_key(const struct verbs_window *window);
/* The bind is with the device. */
void verbs_window_posted(struct verbs_window *window);
/* Ends it, unless the peer HAS_ENDED it: afterwards nothing reaches the memory. Negative errno: the
 * device would not, and the memory can be reached while the queue pair moves anything. */
int verbs_window_end(struct verbs_endpoint *endpoint, struct verbs_window *window, bool has_ended);
/* Asks the device again for what it did not end. The queue pair moves nothing any more and is about
 * to be destroyed, which SoftRoCE does not do while a window is bound on it. */
void verbs_windows_ask_again(struct verbs_endpoint *endpoint);
/* What begins at ADDRESS is not to be named any more. */
void verbs_windows_forget(struct verbs_endpoint *endpoint, const void *address);
/* Frees all; none is bound but what the device did not end, and the queue pair is gone. */
void verbs_windows_free(struct verbs_endpoint *endpoint);

#endif
