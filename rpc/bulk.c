/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bulk of a request: memory for it, pulls before the handler, pushes after it.
 */
#include <errno.h>
#include <string.h>
#include <utlist.h>

#include "rpc/arena.h"
#include "rpc/conn.h"
#include "rpc/request.h"
#include "rpc/worker.h"

static struct vbi_domain *domain_of(const struct vbi_request *request)
{
	struct vbi_worker *worker = request->conn->worker;

	for (unsigned i = 0; i < worker->n_domains; i++)
		if (worker->domains[i]->ops == request->conn->ops)
			return worker->domains[i];
	return worker->domains[0];
}

static struct vbi_record record_at(const struct vb_buffer *buffer, unsigned i)
{
	struct vbi_record record;

	memcpy(&record, (const uint8_t *)buffer->records + i * VB_RECORD_SIZE, sizeof(record));
	return record;
}

static bool is_exposed(const struct vb_buffer *buffer)
{
	return buffer->flags & VB_BUFFER_EXPOSED && buffer->room;
}

/* ---- Moving ---- */

static void step(struct vbi_request *request);

/* Whether a buffer takes part in this move. */
static bool moves(const struct vbi_request *request, unsigned i)
{
	const struct vb_buffer *buffer = &request->buffers[i];
	enum vb_direction direction = request->mover.push ? VB_OUT : VB_IN;

	return is_exposed(buffer) && buffer->direction & direction && !request->bulk[i].mapped;
}

/* Bytes of a buffer that this move moves. */
static uint64_t bytes_of(const struct vbi_request *request, unsigned i)
{
	const struct vb_buffer *buffer = &request->buffers[i];

	return request->mover.push ? buffer->length : buffer->room;
}

/* Sets the mover on the next chunk that there is to move. False: none. */
static bool find_chunk(struct vbi_request *request, struct vbi_record *record, uint64_t *length)
{
	struct vbi_mover *mover = &request->mover;

	while (mover->buffer < request->n_buffers) {
		const struct vb_buffer *buffer = &request->buffers[mover->buffer];
		uint64_t left = moves(request, mover->buffer)
					? bytes_of(request, mover->buffer) - mover->position
					: 0;

		if (left && mover->record < buffer->n_records) {
			*record = record_at(buffer, mover->record);
			*length = record->length - mover->offset;
			*length = *length < left ? *length : left;
			*length = *length < VBI_CHUNK ? *length : VBI_CHUNK;
			if (*length)
				return true;
			mover->record++;
			mover->offset = 0;
			continue;
		}
		mover->buffer++;
		mover->record = 0;
		mover->offset = 0;
		mover->position = 0;
	}
	return false;
}

/* The stub begins anew, with nothing decoded. */
static void serve_again(struct vbi_request *request)
{
	if (request->arena)
		vbi_arena_release(request);
	request->method->serve(&request->head);
}

static void has_moved(struct vbi_request *request)
{
	struct vbi_worker *worker = request->conn->worker;

	request->moved_at = worker->now;
	DL_DELETE2(worker->moving, request, prev_moving, next_moving);
	DL_APPEND2(worker->moving, request, prev_moving, next_moving);
}

/* A worker that was busy, in a handler or stopped, has not seen what its clients did meanwhile. */
static void excuse(struct vbi_worker *worker, uint64_t away_ns)
{
	struct vbi_request *request;

	DL_FOREACH2(worker->moving, request, next_moving)
	{
		request->moved_at += away_ns;
	}
}

void vbi_bulk_expire(struct vbi_worker *worker, uint64_t since_look_ns)
{
	if (since_look_ns > VBI_STALL_LOOK_NS * 2)
		excuse(worker, since_look_ns);
	while (worker->moving && !worker->inside_poll &&
	       worker->now >= vbi_deadline_after(worker->moving->moved_at, VBI_STALL_NS)) {
		struct vb_conn *conn = worker->moving->conn;

		vbi_conn_fail(conn, ETIMEDOUT, worker->moving->method->method->name,
			      "%s has moved none of its bulk data for %llu s: it is stopped, or "
			      "does not want to",
			      conn->address, VBI_STALL_NS / VBI_NS_PER_S);
		vbi_conn_reap(worker);
	}
}

static void finish_move(struct vbi_request *request)
{
	struct vbi_mover *mover = &request->mover;
	int error = mover->error;

	DL_DELETE2(request->conn->worker->moving, request, prev_moving, next_moving);
	if (!error && request->conn->state != VBI_CONN_OPEN)
		error = -ECONNRESET;
	if (!error && request->canceled)
		error = -ECANCELED;

	if (request->state == VBI_REQUEST_ANSWERED) {
		/* An error of what came before the answer has ended the connection. */
		vbi_request_end(request);
	} else if (!mover->push) {
		request->state = VBI_REQUEST_READY;
		if (error == -EPROTO)
			vbi_request_refuse(request, "its bulk records name no memory that it "
						    "exposed for reading");
		else if (error)
			vbi_request_fail(request, -error, false);
		else
			serve_again(request);
	} else if (error == -EPROTO) {
		vbi_request_refuse(request,
				   "its bulk records name no memory that it exposed for writing");
	} else if (error) {
		vbi_request_fail(request, -error, true);
	} else {
		vbi_request_send_reply(request);
	}
}

static void chunk_over(struct vbi_mover *mover, unsigned i)
{
	mover->underway--;
	mover->unordered -= mover->chunks[i] == VBI_CHUNK_UNDERWAY;
	mover->chunks[i] = VBI_CHUNK_FREE;
}

static void count(const struct vbi_request *request, uint64_t length)
{
	struct vb_stats *stats = &request->conn->worker->stats;

	if (request->mover.push)
		stats->bytes_bulk_pushed += length;
	else
		stats->bytes_bulk_pulled += length;
}

static void chunk_done(struct vbi_transfer *transfer, int status)
{
	struct vbi_request *request = transfer->owner;
	struct vbi_mover *mover = &request->mover;
	unsigned i = (unsigned)(transfer - mover->transfers);
	bool is_counted = mover->chunks[i] == VBI_CHUNK_ORDERED;

	chunk_over(mover, i);
	has_moved(request);
	if (status)
		mover->error = mover->error ? mover->error : status;
	else if (!is_counted)
		count(request, transfer->length);
	step(request);
}

/* Starts a chunk, the Ith of those under way; the mover stands behind it afterwards. */
static void start_chunk(struct vbi_request *request, unsigned i, const struct vbi_record *record,
			uint64_t length)
{
	struct vbi_mover *mover = &request->mover;
	struct vbi_transfer *transfer = &mover->transfers[i];
	struct vb_conn *conn = request->conn;
	uint8_t *memory = request->bulk[mover->buffer].memory;
	int result;

	transfer->record = *record;
	transfer->offset = mover->offset;
	transfer->local = memory + mover->position;
	transfer->length = length;
	transfer->owner = request;
	transfer->done = chunk_done;
	mover->offset += length;
	mover->position += length;
	mover->underway++;
	mover->unordered++;
	mover->chunks[i] = VBI_CHUNK_UNDERWAY;
	result = mover->push ? conn->ops->push(conn->endpoint, transfer)
			     : conn->ops->pull(conn->endpoint, transfer);
	if (result < 0) {
		chunk_over(mover, i);
		mover->error = result;
	} else if (result == VBI_ORDERED) {
		mover->unordered--;
		mover->chunks[i] = VBI_CHUNK_ORDERED;
		/* Now: whoever has the answer may ask for the count. */
		count(request, length);
	}
}

static bool is_ended(const struct vbi_request *request)
{
	const struct vb_conn *conn = request->conn;

	return request->mover.error || request->canceled || conn->is_closing ||
	       conn->state != VBI_CONN_OPEN;
}

/* Whether an answer that is sent now arrives behind all that is to be pushed. */
static bool can_answer_ahead(struct vbi_request *request)
{
	struct vbi_record record;
	uint64_t length;

	return request->state == VBI_REQUEST_PUSHING && !request->mover.unordered &&
	       !is_ended(request) && !find_chunk(request, &record, &length);
}

/* Keeps chunks under way until there are no more, or an error or a cancel ends the move. */
static void step(struct vbi_request *request)
{
	struct vbi_mover *mover = &request->mover;
	struct vbi_record record;
	uint64_t length;

	for (unsigned i = 0; i < VBI_CHUNKS_UNDERWAY; i++) {
		if (mover->chunks[i] != VBI_CHUNK_FREE)
			continue;
		if (is_ended(request) || !find_chunk(request, &record, &length))
			break;
		start_chunk(request, i, &record, length);
	}
	if (mover->underway == 0)
		finish_move(request);
	else if (can_answer_ahead(request))
		vbi_request_send_reply(request);
}

static int start_move(struct vbi_request *request, bool push)
{
	struct vbi_mover *mover = &request->mover;
	bool any = false;

	mover->push = push;
	for (unsigned i = 0; i < request->n_buffers; i++)
		any |= moves(request, i) && bytes_of(request, i);
	if (!any)
		return 0;
	mover->buffer = 0;
	mover->record = 0;
	mover->offset = 0;
	mover->position = 0;
	mover->error = 0;
	request->state = push ? VBI_REQUEST_PUSHING : VBI_REQUEST_GATHERING;
	request->moved_at = request->conn->worker->now;
	DL_APPEND2(request->conn->worker->moving, request, prev_moving, next_moving);
	step(request);
	return -EINPROGRESS;
}

/* ---- Memory ---- */

/* `direct`: the peer's own memory, where the transport reaches it in one piece. */
static bool try_map(struct vbi_request *request, unsigned i)
{
	struct vb_buffer *buffer = &request->buffers[i];
	struct vbi_bulk *bulk = &request->bulk[i];
	struct vb_conn *conn = request->conn;
	struct vbi_record record;

	if (!(buffer->flags & VB_BUFFER_DIRECT) || buffer->n_records != 1)
		return false;
	record = record_at(buffer, 0);
	bulk->rights = (uint8_t)((buffer->direction & VB_IN ? VBI_REMOTE_READ : 0) |
				 (buffer->direction & VB_OUT ? VBI_REMOTE_WRITE : 0));
	bulk->memory = conn->ops->map(conn->endpoint, &record, bulk->rights);
	bulk->mapped = bulk->memory != NULL;
	return bulk->mapped;
}

static void give_back(struct vbi_request *request, unsigned i)
{
	struct vbi_bulk *bulk = &request->bulk[i];
	struct vb_conn *conn = request->conn;

	if (!bulk->memory)
		return;
	if (bulk->mapped) {
		struct vbi_record record = record_at(&request->buffers[i], 0);

		conn->ops->unmap(conn->endpoint, &record, bulk->rights);
	} else {
		vbi_pool_put(&conn->worker->pool, domain_of(request), bulk->memory, bulk->size);
	}
	bulk->memory = NULL;
	bulk->mapped = false;
}

/* Memory for every exposed buffer, or for none of them. */
static int get_memory(struct vbi_request *request)
{
	struct vbi_worker *worker = request->conn->worker;
	int error = 0;

	memset(request->bulk, 0, sizeof(request->bulk[0]) * request->n_buffers);
	for (unsigned i = 0; i < request->n_buffers && !error; i++) {
		struct vbi_bulk *bulk = &request->bulk[i];

		if (!is_exposed(&request->buffers[i]) || try_map(request, i))
			continue;
		bulk->size = request->buffers[i].room;
		error = vbi_pool_get(&worker->pool, domain_of(request), bulk->size, &bulk->memory);
	}
	if (error)
		for (unsigned i = 0; i < request->n_buffers; i++)
			give_back(request, i);
	return error;
}

static void wait_for_memory(struct vbi_request *request)
{
	struct vbi_request_list *waiting = &request->conn->worker->waiting;

	request->state = VBI_REQUEST_WAITING;
	request->conn->worker->stats.bulk_waits++;
	request->next = NULL;
	if (waiting->first)
		waiting->last->next = request;
	else
		waiting->first = request;
	waiting->last = request;
}

/* A sum that can never fit, or a system without memory, must not wait for ever. */
static bool waiting_helps(const struct vbi_request *request)
{
	const struct vbi_pool *pool = &request->conn->worker->pool;

	return pool->in_use > 0;
}

int vbi_bulk_gather(struct vbi_request *request)
{
	bool must_queue = request->state == VBI_REQUEST_NEW &&
			  request->conn->worker->waiting.first != NULL;
	int error = must_queue ? -EAGAIN : get_memory(request);

	if (error == -EAGAIN && !must_queue && !waiting_helps(request))
		error = -EMSGSIZE;
	if (error == -EAGAIN) {
		wait_for_memory(request);
		return -EINPROGRESS;
	}
	if (error) {
		vbi_request_fail(request, -error, false);
		return error;
	}
	return start_move(request, false);
}

void vbi_bulk_retry_waiting(struct vbi_worker *worker)
{
	struct vbi_request_list *waiting = &worker->waiting;

	/* A request that is over at once gives its memory back here: the loop goes on by itself,
	 * and the stack does not grow with the number of those that wait. */
	if (worker->is_retrying)
		return;
	worker->is_retrying = true;
	while (waiting->first) {
		struct vbi_request *request = waiting->first;
		int error = get_memory(request);

		if (error == -EAGAIN && waiting_helps(request))
			break;
		waiting->first = request->next;
		if (error) {
			vbi_request_fail(request, error == -EAGAIN ? EMSGSIZE : -error, false);
		} else if (start_move(request, false) == 0) {
			request->state = VBI_REQUEST_READY;
			serve_again(request);
		}
	}
	worker->is_retrying = false;
}

void vbi_bulk_cancel_waiting(struct vbi_request *request)
{
	struct vbi_request_list *waiting = &request->conn->worker->waiting;
	struct vbi_worker *worker = request->conn->worker;
	struct vbi_request *last = NULL;

	for (struct vbi_request **link = &waiting->first; *link;) {
		if (*link == request) {
			*link = request->next;
		} else {
			last = *link;
			link = &(*link)->next;
		}
	}
	waiting->last = last;
	vbi_request_fail(request, ECANCELED, false);
	/* Those behind it may need less. */
	vbi_bulk_retry_waiting(worker);
}

/* Before memory was got, bulk[] is another request's. */
static bool has_memory(const struct vbi_request *request)
{
	return request->state != VBI_REQUEST_NEW && request->state != VBI_REQUEST_WAITING;
}

void vbi_bulk_unmap(struct vbi_request *request)
{
	if (!has_memory(request))
		return;
	for (unsigned i = 0; i < request->n_buffers; i++)
		if (request->bulk[i].mapped)
			give_back(request, i);
}

void vbi_bulk_end(struct vbi_request *request)
{
	const struct vb_buffer *chosen = NULL;
	struct vbi_record record;

	for (unsigned i = 0; i < request->n_buffers; i++) {
		const struct vb_buffer *buffer = &request->buffers[i];

		if (buffer->n_records && buffer->room &&
		    (!chosen || (buffer->direction & VB_OUT && !(chosen->direction & VB_OUT))))
			chosen = buffer;
	}
	if (!chosen)
		return;
	record = record_at(chosen, 0);
	request->conn->ops->end_with(request->conn->endpoint, request->reply, &record);
}

int vbi_bulk_push(struct vbi_request *request)
{
	return start_move(request, true);
}

bool vbi_bulk_is_underway(const struct vbi_request *request)
{
	return request->mover.underway != 0;
}

bool vbi_bulk_release(struct vbi_request *request)
{
	struct vbi_worker *worker = request->conn->worker;
	bool any = false;

	if (!has_memory(request))
		return false;
	for (unsigned i = 0; i < request->n_buffers; i++) {
		any |= request->bulk[i].memory && !request->bulk[i].mapped;
		give_back(request, i);
	}
	request->n_buffers = 0;
	return any && worker->waiting.first && !request->conn->is_closing;
}

/* ---- What server stubs call ---- */

/* Inline out buffers lie behind HEAP bytes of the reply, each with its whole room. */
static bool place_inline(struct vbi_request *request, unsigned n, uint32_t heap)
{
	uint64_t at = heap;

	for (unsigned i = 0; i < n; i++) {
		struct vb_buffer *buffer = &request->buffers[i];

		if (!(buffer->direction & VB_OUT) || buffer->flags & VB_BUFFER_EXPOSED)
			continue;
		if (buffer->room > request->head.reply_max ||
		    at + buffer->room > request->head.reply_max)
			return false;
		if (buffer->direction == VB_INOUT && buffer->room)
			memcpy(request->head.reply + at, buffer->address, buffer->room);
		buffer->address = request->head.reply + at;
		at += (buffer->room + 7u) & ~7ull;
	}
	return at <= request->head.reply_max;
}

/* Where the handler is in the caller's own memory, what it leaves alone is the caller's anyhow. */
static void zero_rooms(struct vbi_request *request, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct vb_buffer *buffer = &request->buffers[i];

		if (buffer->flags & VB_BUFFER_ZERO && !request->bulk[i].mapped &&
		    buffer->direction == VB_OUT && buffer->room)
			memset(buffer->address, 0, buffer->room);
	}
}

/* The sum of an exposed buffer's records must be its room. */
static bool records_match(const struct vb_buffer *buffer)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < buffer->n_records; i++) {
		struct vbi_record record = record_at(buffer, i);

		if (record.length == 0 || __builtin_add_overflow(sum, record.length, &sum))
			return false;
	}
	return sum == buffer->room;
}

bool vb_stub_request_buffers(struct vb_request *req, unsigned n, uint32_t heap)
{
	struct vbi_request *request = vbi_request_of(req);
	bool first = request->state == VBI_REQUEST_NEW;
	bool any_exposed = false;

	request->n_buffers = (uint8_t)n;
	for (unsigned i = 0; i < n; i++) {
		if (!(request->buffers[i].flags & VB_BUFFER_EXPOSED))
			continue;
		any_exposed = true;
		if (first && !records_match(&request->buffers[i])) {
			vbi_request_refuse(request, "its bulk records do not add up to the buffer");
			return false;
		}
	}
	if (first && any_exposed && vbi_bulk_gather(request) != 0)
		return false;
	request->state = VBI_REQUEST_READY;
	for (unsigned i = 0; i < n; i++)
		if (any_exposed && is_exposed(&request->buffers[i]))
			request->buffers[i].address = request->bulk[i].memory;
	if (!any_exposed)
		memset(request->bulk, 0, sizeof(request->bulk[0]) * n);
	if (!place_inline(request, n, heap)) {
		vbi_request_refuse(request, "the buffers it wants inline do not fit a reply");
		return false;
	}
	zero_rooms(request, n);
	return true;
}

void vb_stub_reply_buffers(struct vb_request *req, unsigned n, uint32_t fixed)
{
	struct vbi_request *request = vbi_request_of(req);
	uint64_t total = fixed;

	request->ran = true;
	for (unsigned i = 0; i < n; i++) {
		const struct vb_buffer *buffer = &request->buffers[i];

		if (!(buffer->direction & VB_OUT))
			continue;
		/* Written straight into the caller's memory: it is there. */
		if (request->bulk[i].mapped || buffer->length > req->reply_max)
			return;
		total += (buffer->length + 7u) & ~7ull;
	}
	if (total > req->reply_max)
		return;
	for (unsigned i = 0; i < n; i++)
		if (request->buffers[i].direction & VB_OUT)
			request->buffers[i].flags &= (uint8_t)~VB_BUFFER_EXPOSED;
}
