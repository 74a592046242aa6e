#include "core/server/file_type.h"

#include <strings.h>

/* Nothing that scripts can live in: no HTML, XML, SVG. */
static const struct {
    const char *extension;
    const char *type;
    enum file_display display;
} types[] = {
    { "png", "image/png", FILE_DISPLAY_INLINE },
    { "jpg", "image/jpeg", FILE_DISPLAY_INLINE },
    { "jpeg", "image/jpeg", FILE_DISPLAY_INLINE },
    { "gif", "image/gif", FILE_DISPLAY_INLINE },
    { "webp", "image/webp", FILE_DISPLAY_INLINE },
    { "bmp", "image/bmp", FILE_DISPLAY_INLINE },
    { "mp3", "audio/mpeg", FILE_DISPLAY_INLINE },
    { "m4a", "audio/mp4", FILE_DISPLAY_INLINE },
    { "ogg", "audio/ogg", FILE_DISPLAY_INLINE },
    { "oga", "audio/ogg", FILE_DISPLAY_INLINE },
    { "opus", "audio/ogg", FILE_DISPLAY_INLINE },
    { "wav", "audio/wav", FILE_DISPLAY_INLINE },
    { "flac", "audio/flac", FILE_DISPLAY_INLINE },
    { "mp4", "video/mp4", FILE_DISPLAY_INLINE },
    { "webm", "video/webm", FILE_DISPLAY_INLINE },
    { "ogv", "video/ogg", FILE_DISPLAY_INLINE },
    { "mov", "video/quicktime", FILE_DISPLAY_INLINE },
    { "txt", "text/plain; charset=utf-8", FILE_DISPLAY_SAVE },
    { "csv", "text/csv; charset=utf-8", FILE_DISPLAY_SAVE },
    { "json", "application/json", FILE_DISPLAY_SAVE },
    { "pdf", "application/pdf", FILE_DISPLAY_SAVE },
    { "zip", "application/zip", FILE_DISPLAY_SAVE },
    { "gz", "application/gzip", FILE_DISPLAY_SAVE },
    { "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
      FILE_DISPLAY_SAVE },
    { "xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
      FILE_DISPLAY_SAVE },
    { "pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation",
      FILE_DISPLAY_SAVE },
};

static struct dm_slice extension_of(struct dm_slice name) {
    for (size_t i = name.len; i > 0; i--)
        if (name.ptr[i - 1] == '.')
            return (struct dm_slice){ name.ptr + i, name.len - i };
    return DM_SLICE("");
}

const char *file_type_of(struct dm_slice name, enum file_display *ret_display) {
    struct dm_slice extension = extension_of(name);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (strlen(types[i].extension) == extension.len &&
            strncasecmp(types[i].extension, extension.ptr, extension.len) == 0) {
            *ret_display = types[i].display;
            return types[i].type;
        }
    *ret_display = FILE_DISPLAY_SAVE;
    return "application/octet-stream";
}

/* attr-char of RFC 8187, section 3.2.1. */
static int is_attr_char(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
           (c && strchr("!#$&+-.^_`|~", c));
}

/* RFC 6266, appendix D: no percent sign and no quotes in the fallback. */
static int is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
}

void file_type_disposition(struct dm_slice name, enum file_display display,
                           struct buf *ret_value) {
    int all_plain = 1;
    buf_append_str(ret_value, display == FILE_DISPLAY_INLINE ? "inline" : "attachment");
    buf_append_str(ret_value, "; filename=\"");
    for (size_t i = 0; i < name.len; i++) {
        int plain = is_plain((unsigned char)name.ptr[i]);
        all_plain &= plain;
        buf_append_char(ret_value, plain ? name.ptr[i] : '_');
    }
    buf_append_char(ret_value, '"');
    if (all_plain)
        return;
    buf_append_str(ret_value, "; filename*=UTF-8''");
    for (size_t i = 0; i < name.len; i++) {
        if (is_attr_char((unsigned char)name.ptr[i]))
            buf_append_char(ret_value, name.ptr[i]);
        else
            buf_printf(ret_value, "%%%02X", (unsigned char)name.ptr[i]);
    }
}
