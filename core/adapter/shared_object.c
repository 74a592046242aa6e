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

/* ---- what it needs ---- */

/* The dynamic section's tables; the loader has made addresses of them already. */
struct dynamic {
    const ElfW(Dyn) *rows;
    const char *strings;
    const ElfW(Sym) *symbols;
    const uint32_t *gnu_hash;
    const uint32_t *hash;
};

static struct dynamic dynamic_of(const struct link_map *map) {
    struct dynamic dynamic = { .rows = map->l_ld };

    for (const ElfW(Dyn) *row = dynamic.rows; row->d_tag != DT_NULL; row++) {
        const void *at = (const void *)row->d_un.d_ptr;

        switch (row->d_tag) {
        case DT_STRTAB: dynamic.strings = at; break;
        case DT_SYMTAB: dynamic.symbols = at; break;
        case DT_GNU_HASH: dynamic.gnu_hash = at; break;
        case DT_HASH: dynamic.hash = at; break;
        default: break;
        }
    }
    return dynamic;
}

/* Symbols that the object needs come before those that its hash table finds; the older kind of
 * table counts all of them. */
static uint32_t symbol_count(const struct dynamic *dynamic) {
    if (dynamic->hash)
        return dynamic->hash[1];
    return dynamic->gnu_hash ? dynamic->gnu_hash[1] : 0;
}

void shared_object_each_link(const struct shared_object *object, shared_object_link_fn *fn,
                             void *owner) {
    struct link_map *map = NULL;
    struct dynamic dynamic;

    if (dlinfo(object->handle, RTLD_DI_LINKMAP, &map) != 0)
        return;
    dynamic = dynamic_of(map);
    for (const ElfW(Dyn) *row = dynamic.rows; dynamic.strings && row->d_tag != DT_NULL; row++)
        if (row->d_tag == DT_NEEDED)
            fn(owner, SHARED_OBJECT_LIBRARY, dynamic.strings + row->d_un.d_val);
    for (uint32_t i = 1; dynamic.symbols && i < symbol_count(&dynamic); i++) {
        const ElfW(Sym) *symbol = &dynamic.symbols[i];
        const char *name = dynamic.strings + symbol->st_name;

        /* A look-up by the handle goes through the object's own libraries alone. */
        if (symbol->st_shndx == SHN_UNDEF && ELF64_ST_BIND(symbol->st_info) == STB_GLOBAL
            && !dlsym(object->handle, name))
            fn(owner, SHARED_OBJECT_STRAY, name);
    }
}
