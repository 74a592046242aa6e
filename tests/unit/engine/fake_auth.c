#include <stdio.h>

#include "tests/unit/engine/fake.h"

void fake_fingerprint(const char *token, uint8_t ret_fingerprint[AUTH_FINGERPRINT_LEN]) {
    memset(ret_fingerprint, 0, AUTH_FINGERPRINT_LEN);
    memcpy(ret_fingerprint, token, strnlen(token, AUTH_FINGERPRINT_LEN - 1));
}

static enum dm_status verify(struct auth *auth, struct dm_slice token, const char *adapter,
                             struct auth_claims *ret_claims) {
    char text[128], kind[16] = "", name[64] = "", extra[16] = "";
    snprintf(text, sizeof(text), "%.*s", DM_SLICE_FMT(token));
    if (sscanf(text, "%15[^:]:%63[^:]:%15s", kind, name, extra) < 2)
        return DM_UNAUTHENTICATED;
    if (strcmp(kind, "expired") == 0)
        return DM_TOKEN_EXPIRED;
    memset(ret_claims, 0, sizeof(*ret_claims));
    ret_claims->kind = strcmp(kind, "refresh") == 0 ? AUTH_TOKEN_REFRESH : AUTH_TOKEN_ACCESS;
    buf_append_str(&ret_claims->text, name);
    ret_claims->subject = dm_ref_name(buf_slice(&ret_claims->text));
    fake_fingerprint(text, ret_claims->fingerprint);
    if (strcmp(extra, "provision") == 0)
        ret_claims->provisioning = AUTH_PROVISION;
    return DM_OK;
}

static int issue(struct auth *auth, const struct dm_user *user, enum auth_token_kind kind,
                 int64_t ttl_seconds, struct buf *ret_token) {
    buf_printf(ret_token, "%s:%.*s", kind == AUTH_TOKEN_ACCESS ? "access" : "refresh",
               DM_SLICE_FMT(user->username));
    return 0;
}

static struct fake_job *job_new(struct auth *auth, void *owner) {
    struct fake_auth *fake = (struct fake_auth *)auth;
    struct fake_job *job = &fake->jobs[fake->job_count++];
    memset(job, 0, sizeof(*job));
    job->owner = owner;
    job->status = fake->busy ? DM_UNAVAILABLE : DM_OK;
    return job;
}

static void hash(struct auth *auth, struct dm_slice secret, auth_hash_fn done, void *owner) {
    struct fake_job *job = job_new(auth, owner);
    job->kind = FAKE_HASH;
    job->hashed = done;
    snprintf(job->hash, sizeof(job->hash), "#%.*s", DM_SLICE_FMT(secret));
}

static void check(struct auth *auth, struct dm_slice secret, struct dm_slice expected,
                  auth_check_fn done, void *owner) {
    struct fake_auth *fake = (struct fake_auth *)auth;
    struct fake_job *job = job_new(auth, owner);
    char hashed[64];
    job->kind = FAKE_CHECK;
    job->checked = done;
    snprintf(hashed, sizeof(hashed), "#%.*s", DM_SLICE_FMT(secret));
    fake->checks_of_nothing += !expected.ptr;
    if (job->status == DM_OK && !dm_slice_eq(expected, dm_slice_str(hashed)))
        job->status = DM_UNAUTHENTICATED;
}

void fake_auth_init(struct fake_auth *fake) {
    static const struct auth_ops ops = { verify, issue, hash, check };
    memset(fake, 0, sizeof(*fake));
    fake->auth.ops = &ops;
    fake->auth.access_ttl = 900;
    fake->auth.refresh_ttl = 3600;
}

size_t fake_auth_run(struct fake_auth *fake) {
    struct fake_job jobs[64];
    size_t count = fake->job_count;
    memcpy(jobs, fake->jobs, sizeof(jobs));
    fake->job_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (jobs[i].kind == FAKE_CHECK)
            jobs[i].checked(jobs[i].owner, jobs[i].status);
        else
            jobs[i].hashed(jobs[i].owner, jobs[i].status, dm_slice_str(jobs[i].hash));
    }
    return count;
}
