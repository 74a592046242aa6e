/* The layer that takes a PROXY protocol header (proxy_header.h) off the front of a stream, and is
 * another layer from then on. A header that is none ends the stream with STREAM_END_ERROR. */
#ifndef DRAGOMAN_NET_STREAM_PROXY_H
#define DRAGOMAN_NET_STREAM_PROXY_H

#include "core/net/address.h"
#include "core/net/stream.h"

/* inner (NULL: plain) is the new layer's. *source is set when the header names a client, before
 * the first byte is delivered; it must live as long as the layer. */
struct stream_layer *stream_proxy_layer(struct stream_layer *inner, struct net_address *source);

#endif
