// SPDX-License-Identifier: Apache-2.0
#include "idl/utf8.h"

#include <stdbool.h>
#include <stdint.h>

size_t idl_utf8_length(const char *text, size_t size)
{
	const unsigned char *bytes = (const unsigned char *)text;
	uint32_t point, least;
	size_t length;

	if (bytes[0] < 0x80)
		return 1;
	if (bytes[0] >= 0xf0 && bytes[0] < 0xf8) {
		length = 4;
		least = 0x10000;
		point = bytes[0] & 0x07u;
	} else if (bytes[0] >= 0xe0 && bytes[0] < 0xf0) {
		length = 3;
		least = 0x800;
		point = bytes[0] & 0x0fu;
	} else if (bytes[0] >= 0xc0 && bytes[0] < 0xe0) {
		length = 2;
		least = 0x80;
		point = bytes[0] & 0x1fu;
	} else {
		return 0;
	}
	if (size < length)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 0;
		point = point << 6 | (bytes[i] & 0x3fu);
	}
	if (point < least || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
		return 0;
	return length;
}

size_t idl_utf8_step(const char *text, size_t size)
{
	size_t length = idl_utf8_length(text, size);

	return length ? length : 1;
}
