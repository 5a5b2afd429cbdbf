/* SPDX-License-Identifier: Apache-2.0 */
#include "bench/plot.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* What a shell exits with when there is no such program. */
#define SHELL_NOT_FOUND 127

struct format {
	const char *suffix;
	const char *terminal;
};

static const struct format formats[] = {
	{".png", "pngcairo size 1000,600 font 'Sans,11'"},
	{".svg", "svg size 1000,600 dynamic font 'Sans,13' background '#ffffff'"},
	{".txt", "dumb 110,32"},
};

static const struct format to_stdout = {"-", "dumb 100,28"};

static const struct format *format_find(const char *path)
{
	size_t length = strlen(path), i;

	if (strcmp(path, to_stdout.suffix) == 0)
		return &to_stdout;
	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		size_t suffix = strlen(formats[i].suffix);

		if (length > suffix && strcmp(path + length - suffix, formats[i].suffix) == 0)
			return &formats[i];
	}
	return NULL;
}

bool plot_path_ok(const char *path)
{
	return format_find(path) != NULL;
}

/* A single-quoted gnuplot string: only the quote itself is special, and % where it is a format. */
static void put_quoted(FILE *out, const char *text, bool is_format)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'' || (is_format && *text == '%'))
			fputc(*text, out);
		fputc(*text, out);
	}
	fputc('\'', out);
}

static void put_string(FILE *out, const char *text)
{
	put_quoted(out, text, false);
}

static void put_setting(FILE *out, const char *setting, const char *text)
{
	fprintf(out, "set %s ", setting);
	put_string(out, text);
	fputc('\n', out);
}

static void put_tics(FILE *out, const struct plot *plot)
{
	unsigned i;

	if (!plot->tics)
		return;
	fputs(plot->bars ? "set xtics rotate by -35 (" : "set xtics (", out);
	for (i = 0; i < plot->n_tics; i++) {
		fputs(i ? ", " : "", out);
		put_quoted(out, plot->tics[i].text, true);
		fprintf(out, " %.17g", plot->tics[i].at);
	}
	fputs(")\n", out);
}

static void put_series(FILE *out, const struct plot *plot)
{
	unsigned i, k;

	fputs("plot ", out);
	for (i = 0; i < plot->n_series; i++) {
		fprintf(out, "%s'-' with %s title ", i ? ", " : "",
			plot->bars ? "boxes" : "linespoints pointsize 0.5");
		put_string(out, plot->series[i].title);
	}
	/* A bar carries its number: bars on a logarithmic scale are hard to read without. */
	if (plot->bars)
		fputs(", '-' using 1:2:(sprintf('%.3g', $2)) with labels offset 0,0.7 notitle",
		      out);
	fputc('\n', out);
	for (i = 0; i < plot->n_series + (plot->bars ? 1 : 0); i++) {
		const struct plot_series *series = &plot->series[i < plot->n_series ? i : 0];

		for (k = 0; k < series->n; k++) {
			if (!isnan(series->y[k]))
				fprintf(out, "%.17g %.17g\n", series->x[k], series->y[k]);
		}
		fputs("e\n", out);
	}
}

static void put_plot(FILE *out, const struct format *format, const char *path,
		     const struct plot *plot)
{
	fprintf(out, "set terminal %s\n", format->terminal);
	if (format != &to_stdout)
		put_setting(out, "output", path);
	put_setting(out, "title", plot->title);
	put_setting(out, "xlabel", plot->x_label);
	put_setting(out, "ylabel", plot->y_label);
	fputs("set grid\nset key top left\nset samples 1000\n", out);
	if (plot->log_x)
		fputs("set logscale x\n", out);
	if (plot->log_y)
		fputs("set logscale y\nset format y '%g'\n", out);
	if (plot->bars)
		fputs("set style fill solid 0.6\nset boxwidth 0.7\nset xrange [-0.7:*]\n"
		      "unset key\nset offsets 0.5, 0.5, 0, 0\n",
		      out);
	put_tics(out, plot);
	put_series(out, plot);
}

int plot_write(const char *path, const struct plot *plot)
{
	/* A gnuplot that is missing, or gives up, must not end this program. */
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	const struct format *format = format_find(path);
	struct sigaction saved;
	FILE *out;
	int status;

	if (!format) {
		errno = EINVAL;
		return -1;
	}
	fflush(stdout);
	out = popen("gnuplot", "we");
	if (!out)
		return -1;
	sigaction(SIGPIPE, &ignore, &saved);
	put_plot(out, format, path, plot);
	status = pclose(out);
	sigaction(SIGPIPE, &saved, NULL);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	errno = WIFEXITED(status) && WEXITSTATUS(status) == SHELL_NOT_FOUND ? ENOENT : EIO;
	return -1;
}
