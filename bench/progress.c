/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/progress.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "bench/ticks.h"

/* Faster than this nobody reads. A log that is not a terminal gets one line a second. */
#define TERMINAL_INTERVAL_NS (NS_PER_S / 10)
#define LOG_INTERVAL_NS	     NS_PER_S
#define TEXT_MAX	     160

static bool always;
static int is_terminal = -1; /* not asked yet */
static bool shown;
static uint64_t last_ns;

void progress_always(void)
{
	always = true;
}

void progress_show(double fraction, const char *format, ...)
{
	uint64_t now = monotonic_ns();
	char text[TEXT_MAX];
	va_list list;
	bool terminal;

	/* Once: this is called between measured calls, where no system call belongs. */
	if (is_terminal < 0)
		is_terminal = isatty(STDERR_FILENO) == 1;
	terminal = is_terminal == 1;
	if (!terminal && !always)
		return;
	if (last_ns && now - last_ns < (terminal ? TERMINAL_INTERVAL_NS : LOG_INTERVAL_NS))
		return;
	last_ns = now;
	va_start(list, format);
	vsnprintf(text, sizeof(text), format, list);
	va_end(list);
	if (fraction >= 0)
		fprintf(stderr, "%s%3.0f %% %s%s", terminal ? "\r\033[K" : "", fraction * 100, text,
			terminal ? "" : "\n");
	else
		fprintf(stderr, "%s%s%s", terminal ? "\r\033[K" : "", text, terminal ? "" : "\n");
	fflush(stderr);
	shown = terminal;
}

void progress_clear(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = false;
	last_ns = 0;
}
