/* Shared objects for the tests, one for each OBJECT_ macro of the build: a sound adapter, and such
 * as must be refused. */
#include "core/adapter/adapter.h"

#if defined(OBJECT_FUNCTION)

__attribute__((visibility("default"))) void dragoman_adapter(void);
void dragoman_adapter(void) {
}

#elif defined(OBJECT_SHORT)

/* Says that it is longer than it is. */
extern const uint32_t dragoman_adapter[4];
__attribute__((visibility("default"))) const uint32_t dragoman_adapter[4] = {
    sizeof(struct dm_adapter), DM_ABI_MAJOR,
};

#else

#if defined(OBJECT_MAJOR)
#define MAJOR (DM_ABI_MAJOR + 1)
#else
#define MAJOR DM_ABI_MAJOR
#endif

#if defined(OBJECT_MINOR)
#define MINOR (DM_ABI_MINOR + 1)
#else
#define MINOR DM_ABI_MINOR
#endif

#if defined(OBJECT_HIDDEN)
#undef DM_ADAPTER_DESCRIPTOR
#define DM_ADAPTER_DESCRIPTOR another_name
#endif

#if defined(OBJECT_UNDEFINED)
int gateway_start(struct dm_instance *instance);
#define START gateway_start
#else
#define START NULL
#endif

static const char *frame(struct dm_session *session, const struct dm_frame *data) {
    (void)session;
    (void)data;
    return "frame";
}

static const struct dm_route routes[] = {
    { .transport = DM_WEBSOCKET, .path = "/", .id = 1 },
};

DM_ADAPTER_DEFINE = {
    .size = sizeof(struct dm_adapter),
    .abi_major = MAJOR,
    .abi_minor = MINOR,
    .name = "object",
    .title = "A shared object",
    .version = "1.0",
    .routes = DM_TABLE(routes),
    .start = START,
    .frame = frame,
};

#endif
