/* Who a request comes from and over what scheme, as proxies in front say it (X-Forwarded-For,
 * X-Forwarded-Proto). Believed of those named only. Pure. */
#ifndef DRAGOMAN_NET_FORWARDED_H
#define DRAGOMAN_NET_FORWARDED_H

#include "core/net/address_set.h"
#include "core/net/http.h"

/* The rightmost hop that is not trusted: peer itself, or, where peer is trusted, the last address
 * of X-Forwarded-For that is no trusted proxy's. What stands left of it anybody may have written.
 * Where a hop is no address, the proxy that passed it on is the last one known. */
void forwarded_client(const struct http_request *request, const struct address_set *trusted,
                      const struct net_address *peer, struct net_address *ret_client);

/* What X-Forwarded-Proto says, when peer is trusted and says http or https; else `own`. */
enum http_scheme forwarded_scheme(const struct http_request *request,
                                  const struct address_set *trusted,
                                  const struct net_address *peer, enum http_scheme own);

#endif
