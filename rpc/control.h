/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What connections say beside calls: hello, bind, cancel, credit.
 *
 * Control is state, not a queue: one control message is in flight per direction, and the next, with
 * all that has become due meanwhile, follows when the peer has acknowledged it. So two receives set
 * aside each way (one control message, one acknowledgement) are enough for ever.
 */
#ifndef VBI_CONTROL_H
#define VBI_CONTROL_H

#include <stdint.h>

#include "rpc/wire.h"

struct vb_conn;
struct vbi_message;

/* Sends our hello. A server that refuses gives ERRNUM (positive) and why. */
void vbi_hello_send(struct vb_conn *conn, int errnum, const char *refusal);

/* The peer's hello, or what it sent instead. Takes the message. Opens or fails the connection. */
void vbi_hello_received(struct vb_conn *conn, struct vbi_message *message);

/* Bytes that a hello offering the interfaces NAMES would take stay below the limit, or -ENOSPC. */
int vbi_hello_check_size(const struct vb_conn *conn);

/* Sends what control is due, if none is in flight. */
void vbi_control_kick(struct vb_conn *conn);

/* The peer has taken our control message. What is due next is the caller's to kick. */
void vbi_control_take_ack(struct vb_conn *conn);

/* A cancel, credit or control message on an open connection. Takes the message. */
void vbi_control_received(struct vb_conn *conn, struct vbi_message *message);

#endif
