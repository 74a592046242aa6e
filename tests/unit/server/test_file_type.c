/* What files are said to be. */
#include "core/server/file_type.h"
#include "tests/unit/check.h"

static const char *disposition(const char *name, enum file_display display) {
    static struct buf text;
    buf_reset(&text);
    file_type_disposition(dm_slice_str(name), display, &text);
    buf_append_char(&text, '\0');
    return text.data;
}

Test(file_type, come_from_a_list) {
    static const struct { const char *name, *type; enum file_display display; } rows[] = {
        { "a.png", "image/png", FILE_DISPLAY_INLINE },
        { "A.B.JPEG", "image/jpeg", FILE_DISPLAY_INLINE },
        { "x.mp3", "audio/mpeg", FILE_DISPLAY_INLINE },
        { "x.webm", "video/webm", FILE_DISPLAY_INLINE },
        { "x.txt", "text/plain; charset=utf-8", FILE_DISPLAY_SAVE },
        { "x.pdf", "application/pdf", FILE_DISPLAY_SAVE },
        { "x.json", "application/json", FILE_DISPLAY_SAVE },
        { "x.svg", "application/octet-stream", FILE_DISPLAY_SAVE },
        { "x.html", "application/octet-stream", FILE_DISPLAY_SAVE },
        { "x.xml", "application/octet-stream", FILE_DISPLAY_SAVE },
        { "png", "application/octet-stream", FILE_DISPLAY_SAVE },
        { "a.png ", "application/octet-stream", FILE_DISPLAY_SAVE },
        { "a.", "application/octet-stream", FILE_DISPLAY_SAVE },
        { "", "application/octet-stream", FILE_DISPLAY_SAVE },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum file_display display;
        const char *type = file_type_of(dm_slice_str(rows[i].name), &display);
        cr_assert(eq(str, (char *)type, (char *)rows[i].type), "%s", rows[i].name);
        cr_assert(eq(int, display, rows[i].display));
    }
}

Test(file_type, dispositions_carry_any_name) {
    cr_assert(eq(str, (char *)disposition("a b.txt", FILE_DISPLAY_SAVE),
                 "attachment; filename=\"a b.txt\""));
    cr_assert(eq(str, (char *)disposition("\xc3\xa9\".png", FILE_DISPLAY_INLINE),
                 "inline; filename=\"___.png\"; filename*=UTF-8''%C3%A9%22.png"));
    cr_assert(eq(str, (char *)disposition("50%.zip", FILE_DISPLAY_SAVE),
                 "attachment; filename=\"50_.zip\"; filename*=UTF-8''50%25.zip"));
    cr_assert(eq(str, (char *)disposition("a\r\nb", FILE_DISPLAY_SAVE),
                 "attachment; filename=\"a__b\"; filename*=UTF-8''a%0D%0Ab"));
}
