#include "core/net/forwarded.h"

/* Steps leftwards through one field's list: 1 with the element before *end, which moves to its
 * front; 0 when none is left. */
static int previous_hop(struct dm_slice value, size_t *end, struct dm_slice *ret_hop) {
    size_t to = *end, from;
    if (to == 0)
        return 0;
    to--; /* the comma behind the element, or the place behind the value */
    for (from = to; from > 0 && value.ptr[from - 1] != ','; from--)
        ;
    *end = from;
    while (to > from && (value.ptr[to - 1] == ' ' || value.ptr[to - 1] == '\t'))
        to--;
    while (from < to && (value.ptr[from] == ' ' || value.ptr[from] == '\t'))
        from++;
    *ret_hop = (struct dm_slice){ value.ptr + from, to - from };
    return 1;
}

/* 1 to look further left. */
static int take_hop(struct dm_slice hop, const struct address_set *trusted,
                    struct net_address *client) {
    struct net_address address;
    if (hop.len == 0)
        return 1;
    if (net_address_parse_ip(hop, &address) < 0)
        return 0;
    *client = address;
    return address_set_has(trusted, &address);
}

void forwarded_client(const struct http_request *request, const struct address_set *trusted,
                      const struct net_address *peer, struct net_address *ret_client) {
    int more = trusted && address_set_has(trusted, peer);
    *ret_client = *peer;
    for (size_t i = request->field_count; more && i > 0; i--) {
        const struct http_field *field = &request->fields[i - 1];
        size_t end = field->value.len + 1;
        struct dm_slice hop;
        if (!http_name_is(field->name, "x-forwarded-for"))
            continue;
        while (more && previous_hop(field->value, &end, &hop))
            more = take_hop(hop, trusted, ret_client);
    }
}

enum http_scheme forwarded_scheme(const struct http_request *request,
                                  const struct address_set *trusted,
                                  const struct net_address *peer, enum http_scheme own) {
    struct dm_slice said;
    if (!trusted || !address_set_has(trusted, peer))
        return own;
    said = http_header(request, "x-forwarded-proto");
    if (http_name_is(said, "https"))
        return HTTP_SCHEME_HTTPS;
    return http_name_is(said, "http") ? HTTP_SCHEME_HTTP : own;
}
