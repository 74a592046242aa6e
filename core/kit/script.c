#include "core/kit/script.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/mem.h"
#include "core/replay/known.h"

#define TIMEOUT_MS 10000
#define SETTLE_MS 20
#define TOKEN_SECONDS 3600
#define EXPIRED_SECONDS 1
#define EXPIRED_WAIT_US 2100000 /* a token of one second is dead two seconds later */

/* ---- loading ---- */

static int is_transcript(const struct dirent *entry) {
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static struct script *script_load(const char *directory, const char *file) {
    struct script *script = mem_zalloc(sizeof(*script));
    struct transcript_error error;
    if (asprintf(&script->path, "%s/%s", directory, file) < 0)
        abort();
    script->name = script->path + strlen(directory) + 1;
    script->name_len = strlen(script->name) - 4;
    if (known_read_file(script->path, &script->text) != 0)
        return script;
    if (transcript_parse(buf_slice(&script->text), &script->transcript, &error) != 0)
        fprintf(stderr, "%s:%u: %s\n", script->path, error.line, error.text);
    return script;
}

/* By name, but those first whose frames do what they are there for. */
static int compare_scripts(const void *left, const void *right) {
    const struct script *const *a = left, *const *b = right;
    int happy = script_is_happy(*b) - script_is_happy(*a);
    return happy ? happy : strcmp((*a)->name, (*b)->name);
}

int script_serves(const struct script *script) {
    return !script->transcript->settings && script->verdict != SCRIPT_FAILED;
}

int script_is_happy(const struct script *script) {
    return strncmp(script->name, "happy", 5) == 0;
}

int scripts_load(const char *directory, struct script ***ret_scripts, size_t *ret_count) {
    struct dirent **entries;
    int result = 0;
    int count = scandir(directory, &entries, is_transcript, alphasort);
    if (count < 0) {
        perror(directory);
        return -1;
    }
    *ret_scripts = mem_calloc((size_t)count + 1, sizeof(**ret_scripts));
    *ret_count = (size_t)count;
    for (int i = 0; i < count; i++) {
        (*ret_scripts)[i] = script_load(directory, entries[i]->d_name);
        if (!(*ret_scripts)[i]->transcript)
            result = -1;
        free(entries[i]);
    }
    free(entries);
    if (result == 0)
        qsort(*ret_scripts, *ret_count, sizeof(**ret_scripts), compare_scripts);
    return result;
}

void scripts_free(struct script **scripts, size_t count) {
    for (size_t i = 0; i < count; i++) {
        transcript_free(scripts[i]->transcript);
        buf_fini(&scripts[i]->text);
        free(scripts[i]->path);
        free(scripts[i]);
    }
    free(scripts);
}

/* ---- users ---- */

static void bind_var(struct play *play, struct dm_slice user, const char *field, enum var_kind kind,
                 struct dm_slice value) {
    struct buf name = BUF_INIT;
    if (value.ptr) {
        buf_printf(&name, "%.*s.%s", DM_SLICE_FMT(user), field);
        vars_set(&play->vars, buf_slice(&name), kind, value);
    }
    buf_fini(&name);
}

static struct dm_slice field_of(const struct transcript_user *user, const char *name) {
    for (const struct setting *field = user->fields; field; field = field->next)
        if (dm_slice_eq(field->name, dm_slice_str(name)))
            return field->value;
    return DM_SLICE_NONE;
}

static struct dm_slice printed(struct play *play, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static struct dm_slice printed(struct play *play, const char *format, ...) {
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    return arena_slice(&play->arena, dm_slice_str(text));
}

/* As the header wants the user, but with a name and an e-mail that nobody else has. */
static struct dm_profile profile_of(struct play *play, const struct transcript_user *user) {
    struct dm_slice name = field_of(user, "username"), email = field_of(user, "email");
    struct dm_profile profile = {
        .first_name = field_of(user, "first_name"), .last_name = field_of(user, "last_name"),
        .photo = field_of(user, "photo"), .color = field_of(user, "color"),
        .role = field_of(user, "role"), .location = field_of(user, "location"),
    };
    profile.username = printed(play, "%.*s-%d-%u", DM_SLICE_FMT(name.ptr ? name : user->name),
                               (int)getpid(), ++play->stage->made);
    if (email.ptr) {
        const char *at = memchr(email.ptr, '@', email.len);
        size_t skip = at ? (size_t)(at - email.ptr) : 0;
        profile.email = printed(play, "%.*s%.*s", DM_SLICE_FMT(profile.username),
                                (int)(email.len - skip), email.ptr + skip);
    }
    return profile;
}

static void bind_token(struct play *play, struct dm_slice name, const char *field,
                       const struct dm_user *user, int64_t seconds) {
    struct buf token = BUF_INIT;
    if (seconds == EXPIRED_SECONDS)
        play->stage->token_skew_us = -EXPIRED_WAIT_US;
    stage_token_new(play->stage, user, seconds, &token);
    play->stage->token_skew_us = 0;
    if (strcmp(field, "revoked_token") == 0)
        stage_token_revoke(play->stage, buf_slice(&token));
    bind_var(play, name, field, VAR_TEXT, buf_slice(&token));
    buf_fini(&token);
}

static int names(const struct script *script, const char *word) {
    return memmem(script->text.data, script->text.len, word, strlen(word)) != NULL;
}

int script_waits(const struct script *script) {
    return names(script, "expired_token");
}

static void bind_user(struct play *play, const struct transcript_user *header,
                      const struct dm_user *user) {
    char uuid[DM_UUID_TEXT_LEN + 1];
    dm_uuid_format(&user->uuid, uuid);
    bind_var(play, header->name, "id", VAR_JSON, printed(play, "%lld", (long long)user->id));
    bind_var(play, header->name, "uuid", VAR_TEXT, dm_slice_str(uuid));
    bind_var(play, header->name, "username", VAR_TEXT, user->username);
    bind_var(play, header->name, "email", VAR_TEXT, user->email);
    bind_token(play, header->name, "token", user, TOKEN_SECONDS);
    if (names(play->script, "expired_token"))
        bind_token(play, header->name, "expired_token", user, EXPIRED_SECONDS);
    if (names(play->script, "revoked_token"))
        bind_token(play, header->name, "revoked_token", user, TOKEN_SECONDS);
}

static int make_user(struct play *play, const struct transcript_user *header) {
    const struct dm_profile profile = profile_of(play, header);
    const struct dm_user *user;
    enum dm_status status = stage_user_new(play->stage, &profile, field_of(header, "password"),
                                           field_of(header, "pin"), &play->arena, &user);
    if (status != DM_OK || !user) {
        buf_printf(&play->report, "1: user %.*s cannot be made: %s",
                   DM_SLICE_FMT(header->name), dm_status_name(status));
        return -1;
    }
    play->users[play->user_count++] = user;
    bind_user(play, header, user);
    return 0;
}

int play_open(struct play *play, struct stage *stage, const struct script *script) {
    const struct transcript *transcript = script->transcript;
    const struct setting *needed = transcript_needed(transcript);
    size_t count = 0;
    *play = (struct play){ .script = script, .stage = stage };
    play->options = (struct player_options){ .target = &stage->target, .timeout_ms = TIMEOUT_MS,
                                             .settle_ms = SETTLE_MS };
    arena_init(&play->arena, 4096);
    vars_init(&play->vars);
    transcript_bind(transcript, &play->vars);
    if (needed) {
        buf_printf(&play->report, "1: --var %.*s=... is needed", DM_SLICE_FMT(needed->name));
        return -1;
    }
    for (const struct transcript_user *user = transcript->users; user; user = user->next)
        count++;
    play->users = arena_zalloc(&play->arena, (count + 1) * sizeof(*play->users));
    for (const struct transcript_user *user = transcript->users; user; user = user->next)
        if (make_user(play, user) != 0)
            return -1;
    if (stage->backing->hear)
        stage->backing->hear(stage);
    if (!stage->memory && script_waits(script))
        usleep(EXPIRED_WAIT_US);
    play->player = player_new(transcript, &play->vars, &play->options, loop_uv(stage->loop),
                              &play->report);
    return 0;
}

enum player_result play_run(struct play *play, const struct step *end) {
    return player_run(play->player, end);
}

/* Tokens that the server gave out. */
static void keep_captured(struct play *play) {
    for (size_t i = 0; i < play->vars.count; i++) {
        struct dm_slice value = play->vars.items[i].value;
        if (value.len > 16 && strncmp(value.ptr, "eyJ", 3) == 0)
            stage_keep_secret(play->stage, value);
    }
}

void play_close(struct play *play) {
    keep_captured(play);
    if (play->player)
        player_free(play->player);
    stage_settle(play->stage);
    vars_fini(&play->vars);
    arena_fini(&play->arena);
    buf_fini(&play->report);
}

size_t play_arrivals(const struct play *play) {
    size_t count = 0;
    for (size_t i = 0; i < play->script->transcript->client_count; i++) {
        list_foreach(it, &play->player->roles[i].peer.arrivals)
            count++;
        list_foreach(it, &play->player->roles[i].peer.answers)
            count++;
    }
    return count;
}

void play_forget(struct play *play) {
    struct list *link;
    for (size_t i = 0; i < play->script->transcript->client_count; i++) {
        struct peer *peer = &play->player->roles[i].peer;
        while ((link = list_pop_front(&peer->arrivals)))
            arrival_free(container_of(link, struct arrival, link));
        while ((link = list_pop_front(&peer->answers)))
            answer_free(container_of(link, struct answer, link));
    }
}
