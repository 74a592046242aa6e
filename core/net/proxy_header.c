#include "core/net/proxy_header.h"

#include <netinet/in.h>
#include <string.h>

/* Section 2.2: signature, version and command, family and protocol, length of the rest. */
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define SIGNATURE_LEN 12
#define FIXED_LEN 16
#define V4_LEN 12
#define V6_LEN 36

enum command {
    COMMAND_LOCAL = 0x20,
    COMMAND_PROXY = 0x21,
};

enum family {
    FAMILY_TCP4 = 0x11,
    FAMILY_TCP6 = 0x21,
};

static int is_version_2(const struct proxy_header *header) {
    return header->bytes[0] == '\r';
}

/* ---- version 1 ---- */

static struct dm_slice next_word(struct dm_slice *rest) {
    const char *blank = rest->len ? memchr(rest->ptr, ' ', rest->len) : NULL;
    struct dm_slice word = { rest->ptr, blank ? (size_t)(blank - rest->ptr) : rest->len };
    size_t used = word.len + (blank ? 1 : 0);
    *rest = (struct dm_slice){ rest->ptr + used, rest->len - used };
    return word;
}

static int parse_address(struct dm_slice text, uint8_t family, struct net_address *ret_address) {
    int is_v6 = text.len && memchr(text.ptr, ':', text.len) != NULL;
    if (text.len == 0 || text.ptr[0] == '[' || is_v6 != (family == NET_IPV6))
        return -1;
    return net_address_parse_ip(text, ret_address);
}

/* The line without its end: 1 with an address, 0 without, -1 when it is none. */
static int parse_line(struct dm_slice line, struct net_address *ret_source) {
    struct net_address destination;
    struct dm_slice word;
    uint16_t port;
    uint8_t family = NET_IPV4;
    if (!dm_slice_eq(next_word(&line), DM_SLICE("PROXY")))
        return -1;
    word = next_word(&line);
    if (dm_slice_eq(word, DM_SLICE("UNKNOWN")))
        return 0;
    if (dm_slice_eq(word, DM_SLICE("TCP6")))
        family = NET_IPV6;
    else if (!dm_slice_eq(word, DM_SLICE("TCP4")))
        return -1;
    if (parse_address(next_word(&line), family, ret_source) < 0
        || parse_address(next_word(&line), family, &destination) < 0
        || net_address_parse_port(next_word(&line), &ret_source->port) < 0
        || net_address_parse_port(next_word(&line), &port) < 0 || line.len)
        return -1;
    return 1;
}

static int line_of(const struct proxy_header *header, struct net_address *ret_source) {
    struct dm_slice line = { (const char *)header->bytes, (size_t)header->len - 2 };
    return parse_line(line, ret_source);
}

static enum proxy_header_state take_line(struct proxy_header *header) {
    struct net_address source;
    if (header->bytes[header->len - 1] != '\n')
        return header->len < PROXY_HEADER_LINE_MAX ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
    if (header->len < 2 || header->bytes[header->len - 2] != '\r')
        return PROXY_HEADER_BAD;
    return line_of(header, &source) < 0 ? PROXY_HEADER_BAD : PROXY_HEADER_DONE;
}

/* ---- version 2 ---- */

static size_t more_of(const struct proxy_header *header) {
    return (size_t)header->bytes[14] << 8 | header->bytes[15];
}

/* How many bytes behind the fixed part say who it is; 0: none of a kind that is looked at. */
static size_t addresses_of(const struct proxy_header *header) {
    if (header->bytes[12] != COMMAND_PROXY)
        return 0;
    if (header->bytes[13] == FAMILY_TCP4)
        return V4_LEN;
    return header->bytes[13] == FAMILY_TCP6 ? V6_LEN : 0;
}

static enum proxy_header_state take_fixed(struct proxy_header *header) {
    size_t wanted = addresses_of(header), more = more_of(header);
    if ((header->bytes[12] != COMMAND_LOCAL && header->bytes[12] != COMMAND_PROXY)
        || more > PROXY_HEADER_MORE_MAX || more < wanted)
        return PROXY_HEADER_BAD;
    header->skip = (uint16_t)(more - wanted);
    return more ? PROXY_HEADER_MORE : PROXY_HEADER_DONE;
}

static enum proxy_header_state take_binary(struct proxy_header *header) {
    if (header->len < FIXED_LEN)
        return PROXY_HEADER_MORE;
    if (header->len == FIXED_LEN)
        return take_fixed(header);
    if (header->len < FIXED_LEN + addresses_of(header))
        return PROXY_HEADER_MORE;
    return header->skip ? PROXY_HEADER_MORE : PROXY_HEADER_DONE;
}

static int binary_source(const struct proxy_header *header, struct net_address *ret_source) {
    const uint8_t *at = header->bytes + FIXED_LEN;
    struct sockaddr_in in = { .sin_family = AF_INET };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6 };
    switch (addresses_of(header)) {
    case V4_LEN:
        memcpy(&in.sin_addr, at, 4);
        memcpy(&in.sin_port, at + 8, 2);
        net_address_from((const struct sockaddr *)&in, sizeof(in), ret_source);
        return 1;
    case V6_LEN:
        memcpy(&in6.sin6_addr, at, 16);
        memcpy(&in6.sin6_port, at + 32, 2);
        net_address_from((const struct sockaddr *)&in6, sizeof(in6), ret_source);
        return 1;
    default:
        return 0;
    }
}

/* ---- both ---- */

static int is_skipping(const struct proxy_header *header) {
    return header->skip && header->len == FIXED_LEN + addresses_of(header);
}

static enum proxy_header_state take_byte(struct proxy_header *header, uint8_t byte) {
    if (header->len < sizeof("PROXY ") - 1
        && byte != (uint8_t)SIGNATURE[header->len] && byte != (uint8_t)"PROXY "[header->len])
        return PROXY_HEADER_BAD;
    header->bytes[header->len++] = byte;
    if (!is_version_2(header))
        return take_line(header);
    if (header->len <= SIGNATURE_LEN && byte != (uint8_t)SIGNATURE[header->len - 1])
        return PROXY_HEADER_BAD;
    return take_binary(header);
}

enum proxy_header_state proxy_header_feed(struct proxy_header *header, const uint8_t *data,
                                          size_t len, size_t *ret_used) {
    size_t used = 0;
    while (used < len && header->state == PROXY_HEADER_MORE) {
        if (is_skipping(header)) {
            size_t n = len - used < header->skip ? len - used : header->skip;
            header->skip = (uint16_t)(header->skip - n);
            header->state = header->skip ? PROXY_HEADER_MORE : PROXY_HEADER_DONE;
            used += n;
        } else {
            header->state = (uint8_t)take_byte(header, data[used++]);
        }
    }
    *ret_used = used;
    return (enum proxy_header_state)header->state;
}

int proxy_header_source(const struct proxy_header *header, struct net_address *ret_source) {
    return is_version_2(header) ? binary_source(header, ret_source)
                                : line_of(header, ret_source);
}
