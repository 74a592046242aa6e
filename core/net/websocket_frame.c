#include "core/net/websocket_frame.h"

#include <string.h>

static uint64_t read_be(const uint8_t *data, size_t len) {
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | data[i];
    return value;
}

static size_t length_size(uint8_t length7) {
    if (length7 < 126)
        return 0;
    return length7 == 126 ? 2 : 8;
}

size_t websocket_header_read(const uint8_t *data, size_t len,
                             struct websocket_header *ret_header) {
    if (len < 2)
        return 2;
    uint8_t length7 = data[1] & 0x7f;
    uint8_t is_masked = data[1] >> 7;
    size_t extended = length_size(length7);
    size_t size = 2 + extended + (is_masked ? 4 : 0);
    if (len < size)
        return size;
    ret_header->fin = data[0] >> 7;
    ret_header->reserved = (data[0] >> 4) & 7;
    ret_header->kind = data[0] & 15;
    ret_header->is_masked = is_masked;
    ret_header->length = extended ? read_be(data + 2, extended) : length7;
    ret_header->size = (uint8_t)size;
    if (is_masked)
        memcpy(ret_header->mask, data + 2 + extended, 4);
    return 0;
}

size_t websocket_header_write(uint8_t kind, uint64_t length,
                              uint8_t ret_data[WEBSOCKET_HEADER_MAX]) {
    ret_data[0] = 0x80 | kind;
    size_t extended = length < 126 ? 0 : length <= 0xffff ? 2 : 8;
    ret_data[1] = extended == 0 ? (uint8_t)length : extended == 2 ? 126 : 127;
    for (size_t i = 0; i < extended; i++)
        ret_data[2 + i] = (uint8_t)(length >> (8 * (extended - 1 - i)));
    return 2 + extended;
}

void websocket_unmask(uint8_t *data, size_t len, const uint8_t mask[4]) {
    uint32_t half;
    memcpy(&half, mask, 4);
    uint64_t whole = (uint64_t)half << 32 | half;
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t word;
        memcpy(&word, data + i, 8);
        word ^= whole;
        memcpy(data + i, &word, 8);
    }
    for (; i < len; i++)
        data[i] ^= mask[i % 4];
}

int websocket_code_is_sendable(unsigned code) {
    if (code >= 3000 && code <= 4999)
        return 1;
    return code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006;
}
