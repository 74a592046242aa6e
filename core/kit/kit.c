#include "core/kit/kit.h"

#include <stdio.h>

#include "core/kit/batteries.h"

static const struct battery batteries[] = {
    { "transcript", battery_transcript, TRIAL_EACH_SCRIPT, TRIAL_ANYWHERE, 120 },
    { "single bytes", battery_pieces, TRIAL_EACH_SCRIPT, TRIAL_ANYWHERE, 300 },
    { "pipelining", battery_pipeline, TRIAL_EACH_SCRIPT, TRIAL_ANYWHERE, 120 },
    { "pending answers", battery_goodbye, TRIAL_ONCE, TRIAL_ANYWHERE, 60 },
    { "wrong fields", battery_fields, TRIAL_ONCE, TRIAL_ANYWHERE, 600 },
    { "before login", battery_before_login, TRIAL_ONCE, TRIAL_ANYWHERE, 120 },
    { "login twice", battery_login_twice, TRIAL_ONCE, TRIAL_ANYWHERE, 120 },
    { "one identity", battery_identity, TRIAL_ONCE, TRIAL_ANYWHERE, 120 },
    { "result after close", battery_close, TRIAL_ONCE, TRIAL_SCRIPTED_ONLY, 120 },
    { "frame size", battery_size, TRIAL_ONCE, TRIAL_ANYWHERE, 60 },
    { "rate", battery_rate, TRIAL_ONCE, TRIAL_SCRIPTED_ONLY, 60 },
    { "backlog", battery_backlog, TRIAL_ONCE, TRIAL_SCRIPTED_ONLY, 60 },
    { "unavailable store", battery_unavailable, TRIAL_ONCE, TRIAL_SCRIPTED_ONLY, 120 },
    { "events", battery_events, TRIAL_ONCE, TRIAL_ANYWHERE, 60 },
    { "redaction", battery_redact, TRIAL_ONCE, TRIAL_ANYWHERE, 60 },
    { "start after a failed start", battery_restart, TRIAL_ONCE, TRIAL_SCRIPTED_ONLY, 60 },
    { "memory", battery_memory, TRIAL_ONCE, TRIAL_SCRIPTED_ONLY, 120 },
};

static void run_all(struct kit *kit) {
    puts("TAP version 13");
    for (size_t i = 0; i < sizeof(batteries) / sizeof(batteries[0]); i++)
        battery_run(kit, &batteries[i]);
}

/* Each must be a variable of at least one transcript. Returns 0, or -1 after saying so. */
static int give_vars(const struct kit *kit) {
    int result = 0;
    for (const char *const *var = kit->options->vars; var && *var; var++) {
        int used = 0;
        for (size_t i = 0; i < kit->script_count; i++)
            used |= transcript_give(kit->scripts[i]->transcript, *var);
        if (!used) {
            fprintf(stderr, "dragoman: --var %s: no transcript has it\n", *var);
            result = -1;
        }
    }
    return result;
}

enum kit_exit kit_run(const struct kit_options *options) {
    struct kit kit = { .options = options,
                       .backing = options->live ? options->live : &stage_memory,
                       .first = batteries };
    if (options->transcripts &&
        scripts_load(options->transcripts, &kit.scripts, &kit.script_count) != 0)
        return KIT_USAGE;
    if (!kit.script_count && options->material == KIT_NEEDS_TRANSCRIPTS) {
        fprintf(stderr, "dragoman: %s: no transcripts\n",
                options->transcripts ? options->transcripts : options->adapter->name);
        scripts_free(kit.scripts, 0);
        return KIT_USAGE;
    }
    if (give_vars(&kit) != 0) {
        scripts_free(kit.scripts, kit.script_count);
        return KIT_USAGE;
    }
    if (kit.backing->begin && kit.backing->begin() != 0)
        kit.failed++;
    else
        run_all(&kit);
    if (kit.backing->end)
        kit.backing->end();
    printf("1..%u\n%u passed, %u failed", kit.number, kit.passed, kit.failed);
    if (kit.skipped)
        printf(", %u skipped", kit.skipped);
    putchar('\n');
    scripts_free(kit.scripts, kit.script_count);
    return kit.failed || !kit.passed ? KIT_FAILED : KIT_PASSED;
}
