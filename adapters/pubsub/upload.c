/* Media, stored before the message that shows them: each file for itself. */
#include "adapters/pubsub/pubsub.h"

#include <stdlib.h>

#define FILES_MAX 4
#define NAME_MAX_BYTES 255
#define EXTENSION_MAX_BYTES 16

struct pubsub_uploads {
    size_t count;
    size_t done;
    enum dm_status fault; /* of the last file that failed for no reason of its own; else DM_OK */
    struct {
        struct dm_attachment file; /* file_id 0: it failed */
        char name[NAME_MAX_BYTES];
    } rows[FILES_MAX];
};

/* Some browsers send a whole path. */
static struct dm_slice last_segment(struct dm_slice name) {
    size_t begin = name.len;

    while (begin && name.ptr[begin - 1] != '/' && name.ptr[begin - 1] != '\\')
        begin--;
    return (struct dm_slice){ name.ptr + begin, name.len - begin };
}

/* File systems that count characters allow names that are longer in bytes: what is too much is cut
 * out before the extension. */
static struct dm_slice fit_name(struct dm_slice name, char *buffer) {
    size_t end = name.len, begin = name.len, kept;

    if (name.len <= NAME_MAX_BYTES)
        return name;
    while (begin && name.ptr[begin - 1] != '.')
        begin--;
    begin = begin && end - begin < EXTENSION_MAX_BYTES ? begin - 1 : end;
    kept = NAME_MAX_BYTES - (end - begin);
    while (kept && ((unsigned char)name.ptr[kept] & 0xc0) == 0x80)
        kept--;
    memcpy(buffer, name.ptr, kept);
    memcpy(buffer + kept, name.ptr + begin, end - begin);
    return (struct dm_slice){ buffer, kept + end - begin };
}

/* An empty name is what a form without a chosen file sends. */
static int is_file(const struct dm_part *part) {
    return dm_slice_eq(part->name, DM_SLICE("files")) && part->filename.len > 0;
}

/* The files of the request, as many as there is room for. Returns how many there are; -1 when the
 * body is not sound. Names that had to be cut are in `names`. */
static int read_files(struct dm_session *session, char (*names)[NAME_MAX_BYTES],
                      struct dm_upload *ret_files) {
    struct dm_part part;
    int more, count = 0;

    for (size_t i = 0; (more = dm_request_part(session, i, &part)) > 0; i++) {
        if (!is_file(&part))
            continue;
        if (count < FILES_MAX)
            ret_files[count] = (struct dm_upload){
                fit_name(last_segment(part.filename), names[count]), part.data,
            };
        count++;
    }
    return more < 0 ? -1 : count;
}

void pubsub_upload(struct dm_session *session) {
    struct pubsub_session *state = session->state;
    struct dm_upload files[FILES_MAX];
    char names[FILES_MAX][NAME_MAX_BYTES];
    int count = read_files(session, names, files);
    const char *fault = count < 0            ? "no sound multipart/form-data"
                        : count == 0         ? "files is required"
                        : count > FILES_MAX  ? "too many files" : NULL;

    if (fault) {
        pubsub_respond_errors(session, fault);
        return;
    }
    state->uploads = calloc(1, sizeof(*state->uploads));
    if (!state->uploads) {
        pubsub_respond_status(session, 503);
        return;
    }
    state->uploads->count = (size_t)count;
    for (int i = 0; i < count; i++) {
        const struct dm_command command = { .size = sizeof(command), .kind = DM_CMD_FILE_PUT,
                                            .uploads = &files[i], .upload_count = 1 };

        dm_submit(session, &command, DM_SLICE_NONE);
    }
}

static void respond_files(struct dm_session *session, const struct pubsub_uploads *uploads) {
    const struct dm_response response = { .status = 200 };
    struct dm_out *out = dm_out(session);

    dm_put_object(out, NULL);
    dm_put_str(out, "message", "Uploaded successfully");
    dm_put_array(out, "files");
    for (size_t i = 0; i < uploads->count; i++)
        dm_put_url(out, NULL, uploads->rows[i].file.file_id ? &uploads->rows[i].file : NULL);
    dm_put_end(out);
    dm_put_end(out);
    dm_respond(session, &response, out);
}

static void keep(struct pubsub_uploads *uploads, const struct dm_attachment *file) {
    char *name = uploads->rows[uploads->done].name;

    if (file->name.len > NAME_MAX_BYTES)
        return;
    uploads->rows[uploads->done].file = *file;
    uploads->rows[uploads->done].file.name = (struct dm_slice){ name, file->name.len };
    memcpy(name, file->name.ptr, file->name.len);
}

static int any(const struct pubsub_uploads *uploads) {
    for (size_t i = 0; i < uploads->count; i++)
        if (uploads->rows[i].file.file_id)
            return 1;
    return 0;
}

/* Results come in the order of the files. */
void pubsub_uploaded(struct dm_session *session, const struct dm_result *result) {
    const struct pubsub_session *state = session->state;
    struct pubsub_uploads *uploads = state->uploads;

    if (result->status == DM_OK && result->file_count == 1)
        keep(uploads, result->files[0]);
    else if (result->status != DM_INVALID && result->status != DM_TOO_LARGE)
        uploads->fault = result->status;
    if (++uploads->done < uploads->count)
        return;
    if (uploads->fault != DM_OK && !any(uploads))
        pubsub_respond_failure(session, uploads->fault);
    else
        respond_files(session, uploads);
}
