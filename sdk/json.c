#include <dragoman/adapter.h>

const struct dm_json *dm_json_object(const struct dm_host *host, struct dm_slice text) {
    const struct dm_json *value = dm_json_parse(host, text);

    return dm_json_type(host, value) == DM_JSON_OBJECT ? value : NULL;
}

struct dm_slice dm_json_member(const struct dm_host *host, const struct dm_json *object,
                               const char *key) {
    return dm_json_string(host, dm_json_get(host, object, key));
}

void dm_put_redacted(struct dm_out *out, const struct dm_json *object, const char *const *shown,
                     const char *const *masked) {
    const struct dm_host *host = out->host;

    dm_put_object(out, NULL);
    for (; shown && *shown; shown++) {
        const struct dm_json *value = dm_json_get(host, object, *shown);

        if (value)
            dm_put_json(out, *shown, dm_json_text(host, value));
    }
    for (; masked && *masked; masked++)
        if (dm_json_get(host, object, *masked))
            dm_put_str(out, *masked, "***");
    dm_put_end(out);
}
