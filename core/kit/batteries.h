/* The batteries. Each function is one trial; proto-docs/conformance.md says what it demands. */
#ifndef DRAGOMAN_KIT_BATTERIES_H
#define DRAGOMAN_KIT_BATTERIES_H

#include "core/kit/trial.h"

void battery_transcript(struct trial *trial);
void battery_pieces(struct trial *trial);
void battery_pipeline(struct trial *trial);
void battery_goodbye(struct trial *trial);
void battery_fields(struct trial *trial);
void battery_before_login(struct trial *trial);
void battery_login_twice(struct trial *trial);
void battery_identity(struct trial *trial);
void battery_close(struct trial *trial);
void battery_size(struct trial *trial);
void battery_rate(struct trial *trial);
void battery_backlog(struct trial *trial);
void battery_unavailable(struct trial *trial);
void battery_events(struct trial *trial);
void battery_redact(struct trial *trial);
void battery_restart(struct trial *trial);
void battery_memory(struct trial *trial);

#endif
