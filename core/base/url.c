#include "core/base/url.h"

struct dm_slice url_last_segment(struct dm_slice url) {
    size_t begin, end = 0;
    while (end < url.len && url.ptr[end] != '?' && url.ptr[end] != '#')
        end++;
    while (end > 0 && url.ptr[end - 1] == '/')
        end--;
    begin = end;
    while (begin > 0 && url.ptr[begin - 1] != '/')
        begin--;
    return (struct dm_slice){ url.ptr + begin, end - begin };
}
