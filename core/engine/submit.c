#include "core/engine/submit.h"

#include "core/base/utf8.h"
#include "core/engine/attachment.h"
#include "core/engine/commands.h"
#include "core/engine/core.h"

#define USERS_MAX 1000
#define LIMIT_DEFAULT 50
#define TOKEN_MAX 16384

/* Where the first fault was found. */
struct verdict {
    enum dm_status status;
    const char *field;
};

static void fault(struct verdict *verdict, enum dm_status status, const char *field) {
    if (verdict->status == DM_OK)
        *verdict = (struct verdict){ status, field };
}

/* Copies a text in place after its checks; one that fails is left absent. */
static void take_text(struct operation *op, struct dm_slice *text, size_t max,
                      const char *field, struct verdict *verdict) {
    struct dm_slice given = *text;
    *text = DM_SLICE_NONE;
    if (!given.ptr)
        return;
    if (given.len > max)
        fault(verdict, DM_TOO_LARGE, field);
    else if (!text_storable(given))
        fault(verdict, DM_INVALID, field);
    else
        *text = arena_slice(&op->arena, given);
}

/* As take_text for bytes that are stored nowhere. */
static void take_bytes(struct operation *op, struct dm_slice *bytes, size_t max,
                       const char *field, struct verdict *verdict) {
    struct dm_slice given = *bytes;
    *bytes = DM_SLICE_NONE;
    if (!given.ptr)
        return;
    if (given.len > max)
        fault(verdict, DM_TOO_LARGE, field);
    else
        *bytes = arena_slice(&op->arena, given);
}

static void take_ref(struct operation *op, struct dm_ref *ref, const char *field,
                     struct verdict *verdict) {
    struct dm_slice name = ref->name;
    ref->name = DM_SLICE_NONE;
    if ((unsigned)ref->kind > DM_REF_NAME) {
        fault(verdict, DM_INVALID, field);
        ref->kind = DM_REF_NONE;
    }
    if (ref->kind != DM_REF_NAME)
        return;
    /* Nobody can have such a name. */
    if (!name.len || name.len > op->engine->config.name_max || !text_storable(name))
        fault(verdict, DM_NO_USER, field);
    else
        ref->name = arena_slice(&op->arena, name);
}

static void take_users(struct operation *op, struct verdict *verdict) {
    struct dm_command *command = &op->command;
    const struct dm_ref *given = command->users;
    size_t count = command->user_count;
    struct dm_ref *users;
    command->users = NULL;
    command->user_count = 0;
    if (!count)
        return;
    if (!given || count > USERS_MAX) {
        fault(verdict, given ? DM_TOO_LARGE : DM_INVALID, "users");
        return;
    }
    users = arena_alloc(&op->arena, count * sizeof(*users));
    for (size_t i = 0; i < count; i++) {
        users[i] = given[i];
        take_ref(op, &users[i], "users", verdict);
        if (users[i].kind == DM_REF_NONE)
            fault(verdict, DM_INVALID, "users");
    }
    command->users = users;
    command->user_count = count;
}

static void take_urls(struct operation *op, struct verdict *verdict) {
    struct dm_command *command = &op->command;
    const struct dm_slice *given = command->urls;
    size_t count = command->url_count;
    struct dm_slice *urls;
    command->urls = NULL;
    command->url_count = 0;
    if (!count)
        return;
    if (!given || count > op->engine->config.attachments_max) {
        fault(verdict, given ? DM_TOO_LARGE : DM_INVALID, "urls");
        return;
    }
    urls = arena_alloc(&op->arena, count * sizeof(*urls));
    for (size_t i = 0; i < count; i++) {
        urls[i] = given[i];
        take_text(op, &urls[i], op->engine->config.name_max * (size_t)4, "urls", verdict);
        if (!urls[i].len)
            fault(verdict, DM_INVALID, "urls");
    }
    command->urls = urls;
    command->url_count = count;
}

/* All names and sizes before the first byte is copied. Returns the bytes of all. */
static size_t check_uploads(const struct operation *op, const struct dm_upload *uploads,
                            size_t count, struct verdict *verdict) {
    const struct engine_config *config = &op->engine->config;
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        if (!attachment_name_is_good(uploads[i].name) || !uploads[i].data.ptr)
            fault(verdict, DM_INVALID, "uploads");
        if (uploads[i].data.len > config->upload_max)
            fault(verdict, DM_TOO_LARGE, "uploads");
        else
            total += uploads[i].data.len;
        if (total > config->upload_total_max)
            fault(verdict, DM_TOO_LARGE, "uploads");
        if (verdict->status != DM_OK)
            return 0;
    }
    return total;
}

static void take_uploads(struct operation *op, struct verdict *verdict) {
    struct dm_command *command = &op->command;
    struct engine_files *files = &op->engine->files;
    const struct dm_upload *given = command->uploads;
    size_t count = command->upload_count;
    struct dm_upload *uploads;
    command->uploads = NULL;
    command->upload_count = 0;
    if (!count || (command->kind != DM_CMD_SEND && command->kind != DM_CMD_FILE_PUT))
        return;
    if (!given || count > op->engine->config.uploads_max) {
        fault(verdict, given ? DM_TOO_LARGE : DM_INVALID, "uploads");
        return;
    }
    size_t total = check_uploads(op, given, count, verdict);
    if (files->upload_bytes + total > op->engine->config.upload_memory_max)
        fault(verdict, DM_UNAVAILABLE, NULL);
    if (verdict->status != DM_OK)
        return;
    op->upload_bytes = total;
    files->upload_bytes += total;
    uploads = arena_alloc(&op->arena, count * sizeof(*uploads));
    for (size_t i = 0; i < count; i++) {
        uploads[i].name = arena_slice(&op->arena, given[i].name);
        uploads[i].data = arena_slice(&op->arena, given[i].data);
    }
    command->uploads = uploads;
    command->upload_count = count;
}

static void take_profile(struct operation *op, struct verdict *verdict) {
    struct dm_profile *profile = &op->command.profile;
    size_t max = op->engine->config.name_max;
    take_text(op, &profile->username, max, "profile.username", verdict);
    take_text(op, &profile->email, max, "profile.email", verdict);
    take_text(op, &profile->first_name, max, "profile.first_name", verdict);
    take_text(op, &profile->last_name, max, "profile.last_name", verdict);
    take_text(op, &profile->photo, max, "profile.photo", verdict);
    take_text(op, &profile->color, max, "profile.color", verdict);
    take_text(op, &profile->role, max, "profile.role", verdict);
    take_text(op, &profile->location, max, "profile.location", verdict);
}

static void check_needs(const struct dm_command *command, uint32_t needs,
                        struct verdict *verdict) {
    int placed = command->user.kind != DM_REF_NONE || command->thread.kind != DM_REF_NONE;
    if ((needs & COMMAND_NEEDS_USER) && command->user.kind == DM_REF_NONE)
        fault(verdict, DM_INVALID, "user");
    if ((needs & COMMAND_NEEDS_THREAD) && command->thread.kind == DM_REF_NONE)
        fault(verdict, DM_INVALID, "thread");
    if ((needs & COMMAND_NEEDS_PLACE) && !placed)
        fault(verdict, DM_INVALID, "thread");
    if (command->thread.kind == DM_REF_NAME)
        fault(verdict, DM_INVALID, "thread");
    if ((needs & COMMAND_NEEDS_MESSAGE) && command->message.kind != DM_REF_ID)
        fault(verdict, DM_INVALID, "message");
    if ((needs & COMMAND_NEEDS_USERS) && !command->user_count)
        fault(verdict, DM_INVALID, "users");
    if ((needs & COMMAND_NEEDS_BODY) && !command->text.len && !command->url_count
        && !command->upload_count)
        fault(verdict, DM_INVALID, "text");
    if ((needs & COMMAND_NEEDS_TOKEN) && !command->token.len)
        fault(verdict, DM_UNAUTHENTICATED, "token");
    if ((needs & COMMAND_NEEDS_NAME) && !command->name.len)
        fault(verdict, DM_INVALID, "name");
    if ((needs & COMMAND_NEEDS_SECRET) && !command->secret.len)
        fault(verdict, DM_INVALID, "secret");
    if ((unsigned)command->secret_kind > DM_SECRET_PIN)
        fault(verdict, DM_INVALID, "secret_kind");
}

static int has_control(struct dm_slice text) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return 1;
    }
    return 0;
}

/* Something, one at sign, something, and nothing blank: what mail servers think is theirs. */
static int is_email(struct dm_slice text) {
    const char *at = text.len ? memchr(text.ptr, '@', text.len) : NULL;
    const char *end = text.ptr + text.len;
    return at && at > text.ptr && at + 1 < end && !memchr(at + 1, '@', (size_t)(end - at - 1))
           && !memchr(text.ptr, ' ', text.len) && !has_control(text);
}

static void check_profile(const struct dm_profile *profile, struct verdict *verdict) {
    if (!profile->username.len && !profile->email.len)
        fault(verdict, DM_INVALID, "profile.username");
    if (profile->username.ptr && (!profile->username.len || has_control(profile->username)))
        fault(verdict, DM_INVALID, "profile.username");
    if (profile->email.ptr && !is_email(profile->email))
        fault(verdict, DM_INVALID, "profile.email");
    if (has_control(profile->first_name))
        fault(verdict, DM_INVALID, "profile.first_name");
    if (has_control(profile->last_name))
        fault(verdict, DM_INVALID, "profile.last_name");
    if (has_control(profile->role))
        fault(verdict, DM_INVALID, "profile.role");
}

static void clamp(struct operation *op) {
    struct dm_command *command = &op->command;
    uint32_t max = op->engine->config.page_max;
    if (!command->limit)
        command->limit = LIMIT_DEFAULT;
    if (command->limit > max)
        command->limit = max;
}

enum dm_status submit_copy(struct operation *op, const struct dm_command *command,
                           const char **ret_field) {
    const struct engine_config *config = &op->engine->config;
    const struct command_rule *rule;
    struct dm_command *copy = &op->command;
    struct verdict verdict = { DM_OK, NULL };
    if (command->size < offsetof(struct dm_command, flags) || command->size > UINT16_MAX) {
        *ret_field = "size";
        return DM_INVALID;
    }
    memcpy(copy, command, command->size < sizeof(*copy) ? command->size : sizeof(*copy));
    copy->size = sizeof(*copy);
    take_ref(op, &copy->user, "user", &verdict);
    take_ref(op, &copy->thread, "thread", &verdict);
    take_ref(op, &copy->message, "message", &verdict);
    take_users(op, &verdict);
    take_text(op, &copy->text, config->text_max, "text", &verdict);
    take_text(op, &copy->title, config->name_max, "title", &verdict);
    take_urls(op, &verdict);
    take_uploads(op, &verdict);
    take_bytes(op, &copy->token, TOKEN_MAX, "token", &verdict);
    take_text(op, &copy->name, config->name_max, "name", &verdict);
    take_bytes(op, &copy->secret, config->secret_max, "secret", &verdict);
    take_profile(op, &verdict);
    rule = command_rule(copy->kind);
    if (!rule) {
        copy->kind = DM_CMD_NONE;
        fault(&verdict, DM_INVALID, "kind");
    } else if (verdict.status == DM_OK) {
        check_needs(copy, rule->needs, &verdict);
        if (rule->needs & COMMAND_NEEDS_PROFILE)
            check_profile(&copy->profile, &verdict);
    }
    clamp(op);
    *ret_field = verdict.field;
    return verdict.status;
}
