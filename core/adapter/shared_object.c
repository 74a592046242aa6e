#include "core/adapter/shared_object.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdlib.h>

#include "core/adapter/internal.h"
#include "core/base/mem.h"

struct shared_object {
    char *path;
    void *handle;
    const struct dm_adapter *adapter;
};

/* What the dynamic linker says, which may or may not begin with the file's name. */
static int fail_linking(const char *path, struct adapter_error *ret_error) {
    const char *why = dlerror();
    size_t len = strlen(path);

    if (why && strncmp(why, path, len) == 0 && strncmp(why + len, ": ", 2) == 0)
        why += len + 2;
    return adapter_fail(ret_error, "%s: %s", path, why ? why : "cannot be loaded");
}

/* The object says itself how large what stands behind the symbol is; the descriptor is read no
 * further than that. */
static int find_descriptor(struct shared_object *object, struct adapter_error *ret_error) {
    const struct dm_adapter *adapter = dlsym(object->handle, DM_ADAPTER_SYMBOL);
    const ElfW(Sym) *symbol = NULL;
    Dl_info info;

    if (!adapter)
        return adapter_fail(ret_error, "%s: no symbol " DM_ADAPTER_SYMBOL
                            ": it is no adapter, or does not export it", object->path);
    if (!dladdr1(adapter, &info, (void **)&symbol, RTLD_DL_SYMENT) || !symbol
        || ELF64_ST_TYPE(symbol->st_info) != STT_OBJECT)
        return adapter_fail(ret_error, "%s: the symbol " DM_ADAPTER_SYMBOL " is no object",
                            object->path);
    if (symbol->st_size < offsetof(struct dm_adapter, name) || symbol->st_size < adapter->size)
        return adapter_fail(ret_error, "%s: the descriptor has %zu bytes and claims %u",
                            object->path, (size_t)symbol->st_size, adapter->size);
    object->adapter = adapter;
    return 0;
}

static int judge(struct shared_object *object, struct adapter_error *ret_error) {
    struct adapter_error why;
    int r = find_descriptor(object, ret_error);

    if (r == 0 && adapter_check(object->adapter, &why) != 0)
        r = adapter_fail(ret_error, "%s: %s", object->path, why.text);
    return r;
}

int shared_object_open(const char *path, struct shared_object **ret_object,
                       struct adapter_error *ret_error) {
    struct shared_object *object;
    char *real = realpath(path, NULL);
    int r;

    if (!real)
        return adapter_fail(ret_error, "%s: %s", path, strerror(errno));
    object = mem_zalloc(sizeof(*object));
    object->path = real;
    object->handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    r = object->handle ? judge(object, ret_error) : fail_linking(real, ret_error);
    if (r != 0) {
        shared_object_close(object);
        return r;
    }
    *ret_object = object;
    return 0;
}

void shared_object_close(struct shared_object *object) {
    if (!object)
        return;
    if (object->handle)
        (void)dlclose(object->handle);
    free(object->path);
    free(object);
}

const struct dm_adapter *shared_object_adapter(const struct shared_object *object) {
    return object->adapter;
}

const char *shared_object_path(const struct shared_object *object) {
    return object->path;
}
